import type { Statement } from '../statement.ts';
import { findSubstatement, findSubstatements } from '../statement.ts';
import { reportMissing, walk } from './draft-path.ts';
import type { Draft } from './draft.ts';
import { augmentDraft } from './expand.ts';
import type { Session } from './session.ts';
import type { ModuleUnit, Scope } from './unit.ts';

interface Pending {
  statement: Statement;
  scope: Scope;
  module: ModuleUnit;
}

/**
 * Applies the top-level augments of all implemented modules, again and again until none is left or none
 * finds its target: an augment may aim at a node that another augment adds.
 */
export function applyAugments(
  session: Session,
  modules: readonly ModuleUnit[],
  trees: ReadonlyMap<ModuleUnit, Draft[]>,
): void {
  let pending = modules.flatMap(augmentsOf);
  for (;;) {
    const waiting = pending.filter((augment) => !tryAugment(session, augment, trees));
    if (waiting.length === pending.length || waiting.length === 0) {
      for (const augment of waiting) report(session, augment, trees);
      return;
    }
    pending = waiting;
  }
}

function augmentsOf(module: ModuleUnit): Pending[] {
  return module.units.flatMap(({ root, scope }) =>
    findSubstatements(root, 'augment').map((statement) => ({ statement, scope, module })),
  );
}

/** The top-level nodes that an absolute path can begin with. */
export function topLevel(trees: ReadonlyMap<ModuleUnit, Draft[]>): Draft[] {
  return [...trees.values()].flat();
}

/** Whether the augment is done with: applied, or known to be wrong. */
function tryAugment(
  session: Session,
  { statement, scope, module }: Pending,
  trees: ReadonlyMap<ModuleUnit, Draft[]>,
): boolean {
  const found = walk(session, statement, { scope, module, children: topLevel(trees) });
  if (found === undefined) return true;
  if (!('draft' in found)) return false;
  const target = found.draft;
  const place = { scope, module, chain: [] };
  const added = augmentDraft(session, statement, { target, place });
  const conditional = findSubstatement(statement, 'when') !== undefined;
  for (const draft of added) {
    if (target.module !== module && !conditional) draft.unconditionalAugment = statement;
  }
  return true;
}

function report(
  session: Session,
  { statement, scope, module }: Pending,
  trees: ReadonlyMap<ModuleUnit, Draft[]>,
): void {
  const found = walk(session, statement, { scope, module, children: topLevel(trees) });
  if (found !== undefined && !('draft' in found)) reportMissing(session, statement, found);
}
