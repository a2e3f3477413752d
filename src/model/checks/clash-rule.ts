/** What becomes of two rows that a unique constraint forbids to exist together, and whether it can be done. */
import type { ExtensionInstance } from '../../yang/schema-modules.ts';
import { argumentSpan } from '../../yang/statement.ts';
import type { ModelReporter } from '../diagnostics/diagnostic-codes.ts';
import type { ColumnDraft, EntityDraft } from '../draft/draft.ts';
import type { ColumnGroup, Unique } from '../ir/ir.ts';

const TEXT = /^(text|character varying)/;

interface ClashOf {
  columns: readonly string[];
  clash: ExtensionInstance | undefined;
}

/** The rule of one `unique` as the IR has it; the entity has its columns and groups. */
export function clashRule(
  draft: EntityDraft,
  { columns, clash }: ClashOf,
  reporter: ModelReporter,
): Pick<Unique, 'clash' | 'append'> {
  const refuse = (reason: string, hint: string): void => {
    const span = argumentSpan(clash!.statement);
    reporter.report('crp-does-not-fit', span, { statement: 'on-unique-clash', reason }, { hint });
  };
  switch (clash?.argument) {
    case 'append-site':
    case 'append-sequence': {
      const column = appendable(draft, columns);
      if (column !== undefined) return { clash: clash.argument, append: column.name };
      refuse(
        'none of its leafs is a string that another write may replace',
        'Take "earliest", or give the string the method "latest-timestamp".',
      );
      return {};
    }
    case 'discard':
    case 'earliest':
    case 'latest': {
      const order = clash.argument === 'latest' ? 'latest' : 'earliest';
      const other = draft.uniques.find((one) => one.clash !== undefined && isOther(one, order));
      if (other !== undefined) {
        refuse(
          `another "unique" of "${draft.name}" says "${other.clash}"`,
          'One order of rows has to decide all of them: say the same for each.',
        );
      }
      return { clash: order };
    }
    default:
      return {};
  }
}

function isOther({ clash }: Unique, order: 'earliest' | 'latest'): boolean {
  return clash === (order === 'earliest' ? 'latest' : 'earliest');
}

/** The last string of the constraint whose group a derived change can win with a later stamp. */
function appendable(draft: EntityDraft, columns: readonly string[]): ColumnDraft | undefined {
  return draft.columns.findLast(
    (column) =>
      columns.includes(column.name) &&
      !column.isKey &&
      TEXT.test(column.sqlType ?? column.type.sql) &&
      isReplaceable(draft, column.name),
  );
}

/** Whether the column's group takes the value with the greater stamp, so that a derived change can replace it. */
export function isReplaceable(draft: EntityDraft, column: string): boolean {
  const group: ColumnGroup | undefined = draft.groups.find((one) => one.columns.includes(column));
  return group?.method === 'latest-timestamp' || group?.method === 'overwrite';
}
