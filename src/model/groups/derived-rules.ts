/**
 * Some rules of constraints derive changes: a value gets another form, a reference is cleared. Such a change has the
 * stamp right after the one that it follows from. So one group can have one such rule only, and not a row whose
 * changes are replayed. The others only say which rows are in the table.
 */
import { argumentSpan } from '../../yang/statement.ts';
import type { ModelReporter } from '../diagnostics/diagnostic-codes.ts';
import type { EntityDraft } from '../draft/draft.ts';
import type { Entity } from '../ir/ir.ts';

/** Checks an entity that is finished, with all that are finished before it and around it. */
export function checkDerivedRules(
  { draft, entity }: { draft: EntityDraft; entity: Entity },
  all: readonly Entity[],
  reporter: ModelReporter,
): void {
  const refuse = (statement: string, reason: string, hint: string): void => {
    const span = argumentSpan(draft.statement.statement);
    reporter.report('crp-does-not-fit', span, { statement, reason }, { hint });
  };
  if (entity.history !== undefined) {
    const why = `"${entity.name}" keeps history`;
    if (entity.uniques.some(({ append }) => append !== undefined)) {
      const hint = 'Say "park", "earliest" or "latest", or take methods without history.';
      refuse('on-unique-clash', why, hint);
    }
    if (entity.references.some(({ onOrphan: rule }) => rule !== undefined && rule !== 'park')) {
      refuse('on-orphan', why, 'Say "keep" or "park", or take methods without history.');
    }
  }
  for (const { onOrphan, target } of entity.references) {
    const parent = all.find(({ name }) => name === target.entity);
    if (onOrphan === 'restore' && parent?.history !== undefined) {
      refuse('on-orphan', `"${parent.name}" keeps history`, 'Take another rule than "restore".');
    } else if (onOrphan === 'restore' && parent !== undefined && deletesOrphans(parent)) {
      const why = `rows of "${parent.name}" that come back without their target are deleted again`;
      refuse('on-orphan', why, `Take another rule than "restore", or than "delete" there.`);
    }
  }
  const shared = twice(entity);
  if (shared === undefined) return;
  const reason = `two rules would change column group "${shared}"`;
  refuse('on-unique-clash', reason, 'Put the leafs into groups of their own (crp:in-group).');
}

/** Whether a row of it is deleted where it lost a target: another row that needs it could not have it back. */
export function deletesOrphans({ references }: Entity): boolean {
  return references.some(({ onOrphan }) => onOrphan === 'delete');
}

/** A group that two rules change. */
function twice(entity: Entity): string | undefined {
  const cleared = entity.references
    .filter(({ onOrphan }) => onOrphan === 'set null')
    .map(({ columns }) => columns.filter((column) => !entity.key.includes(column)));
  const appended = entity.uniques.flatMap(({ append }) => (append === undefined ? [] : [[append]]));
  const seen = new Set<string>();
  for (const columns of [...cleared, ...appended]) {
    const groups = new Set(columns.map((column) => groupOf(entity, column)));
    for (const group of groups) {
      if (seen.has(group)) return group;
      seen.add(group);
    }
  }
  return undefined;
}

function groupOf(entity: Entity, column: string): string {
  return entity.groups.find(({ columns }) => columns.includes(column))?.name ?? '';
}
