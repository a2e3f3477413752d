import type { Statement } from '../statement.ts';
import { argumentSpan, findSubstatements, keywordSpan } from '../statement.ts';
import { topLevel } from './augment.ts';
import { reportMissing, walk } from './draft-path.ts';
import type { Draft } from './draft.ts';
import { propertyOf, setProperty } from './draft.ts';
import { fitsKind } from './refine.ts';
import type { Session } from './session.ts';
import type { ModuleUnit, Scope } from './unit.ts';

/** Applies the deviations of all implemented modules (RFC 7950 §7.20.3). */
export function applyDeviations(
  session: Session,
  modules: readonly ModuleUnit[],
  trees: ReadonlyMap<ModuleUnit, Draft[]>,
): void {
  for (const module of modules) {
    for (const { root, scope } of module.units) {
      for (const deviation of findSubstatements(root, 'deviation')) {
        const found = walk(session, deviation, { scope, module, children: topLevel(trees) });
        if (found === undefined) continue;
        if ('draft' in found)
          deviateNode(session, deviation, { target: found.draft, scope, trees });
        else reportMissing(session, deviation, found);
      }
    }
  }
}

function deviateNode(
  session: Session,
  deviation: Statement,
  place: { target: Draft; scope: Scope; trees: ReadonlyMap<ModuleUnit, Draft[]> },
): void {
  const { target, scope, trees } = place;
  target.changes.push(deviation);
  target.extensionHolders.push({ statement: deviation, scope, place: 'deviate' });
  for (const deviate of findSubstatements(deviation, 'deviate')) {
    if (deviate.argument === 'not-supported') remove(target, trees);
    else change(session, deviate, { target, scope });
  }
}

/** Takes the node out of the tree; a key that is taken out is reported when the list is finished. */
function remove(target: Draft, trees: ReadonlyMap<ModuleUnit, Draft[]>): void {
  const siblings = target.parent?.children ?? trees.get(target.module);
  const index = siblings?.indexOf(target) ?? -1;
  if (index >= 0) siblings!.splice(index, 1);
}

function change(
  session: Session,
  deviate: Statement,
  { target, scope }: { target: Draft; scope: Scope },
): void {
  target.extensionHolders.push({ statement: deviate, scope, place: 'deviate' });
  for (const statement of deviate.substatements) {
    if (statement.prefix !== undefined || !fitsKind(session, statement, target)) continue;
    const edit = { statement, scope, target };
    if (deviate.argument === 'add') add(session, edit);
    else if (deviate.argument === 'replace') replace(session, edit);
    else if (deviate.argument === 'delete') takeAway(session, edit);
  }
}

interface Edit {
  statement: Statement;
  scope: Scope;
  target: Draft;
}

function add(session: Session, { statement, scope, target }: Edit): void {
  const { keyword } = statement;
  const many =
    keyword === 'must' ||
    keyword === 'unique' ||
    (keyword === 'default' && target.kind === 'leaf-list');
  const present = propertyOf(target, keyword);
  if (present !== undefined && !many) {
    const problem = `${target.kind} "${target.name}" has "${keyword}" already`;
    const related = [{ message: 'it is here', position: present.statement.position }];
    const hint = 'Use "deviate replace"';
    session.reporter.report(
      'bad-deviation',
      keywordSpan(statement),
      { problem },
      { hint, related },
    );
    return;
  }
  setProperty(target, { statement, scope }, 'append');
}

/** What every node has even when nothing is written. */
const ALWAYS_THERE = ['type', 'config', 'mandatory', 'min-elements', 'max-elements'];

function replace(session: Session, { statement, scope, target }: Edit): void {
  const { keyword } = statement;
  if (propertyOf(target, keyword) === undefined && !ALWAYS_THERE.includes(keyword)) {
    const problem = `${target.kind} "${target.name}" has no "${keyword}" to replace`;
    const hint = 'Use "deviate add"';
    session.reporter.report('bad-deviation', keywordSpan(statement), { problem }, { hint });
    return;
  }
  setProperty(target, { statement, scope }, 'replace');
}

function takeAway(session: Session, { statement, target }: Edit): void {
  const { keyword, argument } = statement;
  const present = target.properties.get(keyword) ?? [];
  const kept = present.filter((other) => other.statement.argument !== argument);
  if (kept.length === present.length) {
    const problem = `${target.kind} "${target.name}" has no "${keyword}" with this argument`;
    session.reporter.report('bad-deviation', argumentSpan(statement), { problem });
    return;
  }
  if (kept.length === 0) target.properties.delete(keyword);
  else target.properties.set(keyword, kept);
}
