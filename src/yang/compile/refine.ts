import type { Statement } from '../statement.ts';
import { argumentSpan, keywordSpan } from '../statement.ts';
import type { Draft } from './draft.ts';
import { setProperty } from './draft.ts';
import type { Session } from './session.ts';
import type { Scope } from './unit.ts';

/** Which kinds of nodes have a property that can be refined or deviated (RFC 7950 §7.13.2, §7.20.3). */
export const PROPERTY_KINDS: Readonly<Record<string, readonly string[]>> = {
  units: ['leaf', 'leaf-list'],
  type: ['leaf', 'leaf-list'],
  default: ['leaf', 'leaf-list', 'choice'],
  mandatory: ['leaf', 'choice', 'anydata', 'anyxml'],
  presence: ['container'],
  must: [
    'container',
    'leaf',
    'leaf-list',
    'list',
    'anydata',
    'anyxml',
    'input',
    'output',
    'notification',
  ],
  unique: ['list'],
  'min-elements': ['leaf-list', 'list'],
  'max-elements': ['leaf-list', 'list'],
  config: ['container', 'leaf', 'leaf-list', 'list', 'choice', 'anydata', 'anyxml'],
};

/** Whether the property fits the node; says so when it does not. */
export function fitsKind(session: Session, property: Statement, target: Draft): boolean {
  const kinds = PROPERTY_KINDS[property.keyword];
  if (kinds === undefined || kinds.includes(target.kind)) return true;
  const parameters = { statement: property.keyword, kind: target.kind, name: target.name };
  const expected = `a ${kinds.join(', ')}`;
  session.reporter.report('wrong-node-kind', keywordSpan(property), parameters, { expected });
  return false;
}

/** Changes a node of a grouping as a `refine` says (RFC 7950 §7.13.2). */
export function applyRefine(
  session: Session,
  refine: Statement,
  { target, scope }: { target: Draft; scope: Scope },
): void {
  target.changes.push(refine);
  target.extensionHolders.push({ statement: refine, scope, place: 'refine' });
  if (!session.features.allEnabled(refine, scope)) target.disabled = true;
  const replaced = new Set<string>();
  for (const statement of refine.substatements) {
    const { keyword } = statement;
    if (statement.prefix !== undefined || keyword === 'if-feature') continue;
    if (!fitsKind(session, statement, target)) continue;
    const adds = keyword === 'must' || replaced.has(keyword);
    setProperty(target, { statement, scope }, adds ? 'append' : 'replace');
    replaced.add(keyword);
  }
  const defaults = target.properties.get('default') ?? [];
  if (defaults.length > 1 && target.kind !== 'leaf-list') {
    const problem = `${target.kind} "${target.name}" can have one default only`;
    session.reporter.report('bad-refine', argumentSpan(refine), { problem });
  }
}
