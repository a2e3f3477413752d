import { finishDefaults, finishStructure } from './finish-steps.ts';
import type { Draft } from './draft.ts';
import { expandChildren } from './expand.ts';
import type { Finished } from './finish.ts';
import { finishTree } from './finish.ts';
import type { Session } from './session.ts';
import type { Definition, ModuleUnit } from './unit.ts';

/**
 * Checks groupings that nothing uses, as far as that can be done without knowing where they will be used:
 * not their paths and conditions.
 */
export function checkUnusedGroupings(session: Session, modules: readonly ModuleUnit[]): void {
  session.inGrouping = true;
  for (const owner of modules) {
    for (const definition of owner.groupings.values()) {
      if (!session.usedGroupings.has(definition.statement))
        checkGrouping(session, owner, definition);
    }
  }
  session.inGrouping = false;
}

function checkGrouping(
  session: Session,
  owner: ModuleUnit,
  { statement, scope }: Definition,
): void {
  const drafts: Draft[] = [];
  const inner = scope.inside(statement);
  const place = {
    scope: inner,
    module: owner,
    parent: undefined,
    into: drafts,
    chain: [statement],
  };
  expandChildren(session, statement, place);
  const finished: Finished[] = [];
  finishTree(session, drafts, { module: { ...owner.module, children: [] }, finished });
  finishStructure(session, finished);
  // A default of a leafref cannot be checked before its target is known.
  finishDefaults(session, finished);
}
