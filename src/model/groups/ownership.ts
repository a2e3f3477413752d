/** Ownership (crp:ownership): which site may write a row. */
import { argumentSpan } from '../../yang/statement.ts';
import { didYouMean } from '../../yang/suggest.ts';
import { crpChild } from '../statements/crp-reader.ts';
import type { ModelReporter } from '../diagnostics/diagnostic-codes.ts';
import type { EntityDraft } from '../draft/draft.ts';
import type { Ownership } from '../ir/ir.ts';

/** Whether not every site may write the entity's rows. */
export function isOwned(draft: EntityDraft): boolean {
  return (crpChild(draft.statement, 'ownership')?.argument ?? 'none') !== 'none';
}

/** The entity's ownership; undefined when every site may write. */
export function ownershipOf(draft: EntityDraft, reporter: ModelReporter): Ownership | undefined {
  const statement = crpChild(draft.statement, 'ownership');
  const leaf = crpChild(statement, 'owner-leaf');
  if (statement === undefined) return undefined;
  if (statement.argument !== 'row') {
    if (leaf !== undefined) {
      const reason = 'only ownership "row" has an owner leaf';
      const names = { statement: 'owner-leaf', reason };
      reporter.report('crp-does-not-fit', argumentSpan(leaf.statement), names);
    }
    return statement.argument === 'site' ? { kind: 'site' } : undefined;
  }
  if (leaf === undefined) {
    const names = { statement: 'owner-leaf', parent: 'crp:ownership' };
    reporter.report('missing-crp', argumentSpan(statement.statement), names);
    return undefined;
  }
  const path = leaf.argument ?? '';
  const span = argumentSpan(leaf.statement);
  const column = draft.columns.find((one) => one.path === path);
  if (column === undefined) {
    const paths = draft.columns.map((one) => one.path);
    const where = `entity "${draft.name}"`;
    reporter.report('unknown-path', span, { path, where }, { hint: didYouMean(path, paths) });
    return undefined;
  }
  if (!column.notNull || column.type.class !== 'text') {
    const reason = `${path} has to be a mandatory leaf with the name of a site`;
    reporter.report('crp-does-not-fit', span, { statement: 'owner-leaf', reason });
  }
  return { kind: 'row', column: column.name };
}
