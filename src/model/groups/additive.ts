/** What additive columns must be, so that adding differences never leaves the type. */
import type { ModelReporter } from '../diagnostics/diagnostic-codes.ts';
import { integerBounds, isIntegerType } from '../types/column-type.ts';
import type { ColumnDraft, EntityDraft } from '../draft/draft.ts';
import { nodeSpan } from '../draft/draft.ts';

/** Checks the columns of additive groups: always there, and with no bound but the type's own. */
export function checkAdditive(draft: EntityDraft, reporter: ModelReporter): void {
  for (const group of draft.groups.filter((one) => one.method === 'additive')) {
    for (const name of group.columns) {
      checkColumn(
        draft.columns.find((column) => column.name === name)!,
        reporter,
      );
    }
  }
}

function checkColumn(column: ColumnDraft, reporter: ModelReporter): void {
  const span = nodeSpan(column.node);
  const type = column.type.yang;
  if (!column.notNull) {
    const hint = 'Make it mandatory or give it a default: a difference to nothing is no number.';
    reporter.report('additive-null', span, { column: column.path }, { hint });
  }
  if (type === undefined || !('range' in type)) return;
  if (type.range !== undefined) {
    const hint =
      'Site A and site B each add what still fits: together it is too much. Leave the range out, ' +
      'or keep the bound by "crp:escrow".';
    const names = { column: column.path, bound: `"${type.range.text}"` };
    reporter.report('additive-bound', span, names, { hint });
  } else if (isIntegerType(type) && integerBounds(type.base).from === 0n) {
    const hint = 'Two sites can take away more than there is. If that can happen, use int64.';
    const names = { column: column.path, type: type.base };
    reporter.report('additive-unsigned', span, names, { hint });
  }
}
