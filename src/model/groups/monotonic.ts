/** The order of values that methods which keep the best value go by. */
import type { ExtensionInstance } from '../../yang/schema-modules.ts';
import { argumentSpan } from '../../yang/statement.ts';
import { crpChild } from '../statements/crp-reader.ts';
import type { ModelReporter } from '../diagnostics/diagnostic-codes.ts';
import type { ColumnDraft } from '../draft/draft.ts';
import { columnOrder } from './column-order.ts';
import type { OrderedMethod, SetMethod } from '../ir/ir-resolution.ts';

/** A `crp:resolve` with its method and the columns that it is about. */
export interface Resolve {
  resolve: ExtensionInstance;
  method: OrderedMethod['method'] | SetMethod;
  columns: readonly ColumnDraft[];
}

/** The names of an enumeration by their assigned values, lowest first; undefined for other types. */
function assignedOrder(column: ColumnDraft): string[] | undefined {
  const type = column.type.yang;
  if (type?.base !== 'enumeration') return undefined;
  return type.enums.toSorted((one, other) => one.value - other.value).map(({ name }) => name);
}

/** True if values of the column have an order of their own, which SQL and merge share. */
export function isComparable(column: ColumnDraft): boolean {
  if (column.node.kind === 'leaf-list') return false;
  const sql = column.sqlType ?? column.type.sql;
  return columnOrder({ method: 'maximum' }, sql) !== undefined;
}

/**
 * What the IR says as `order`: that of `crp:order` for `priority-group`, that of the assigned values for
 * `maximum` and `minimum` of an enumeration. Reports what does not fit.
 */
export function orderOfValues(work: Resolve, reporter: ModelReporter): string[] | undefined {
  const { resolve, method, columns } = work;
  const written = crpChild(resolve, 'order');
  if (method !== 'priority-group') {
    if (written !== undefined)
      misfit(written, 'order', 'only "crp:priority-group" has an order', reporter);
    const ofNames = method === 'maximum' || method === 'minimum' ? columns.map(assignedOrder) : [];
    if (ofNames.length === 1) return ofNames[0];
    if (ofNames.some((order) => order !== undefined)) {
      misfit(resolve, 'resolve', 'an enumeration must be a group of its own', reporter);
    }
    return undefined;
  }
  const names = columns[0] === undefined ? undefined : assignedOrder(columns[0]);
  if (columns.length !== 1 || names === undefined) {
    misfit(resolve, 'resolve', '"crp:priority-group" is for a group of one enumeration', reporter);
    return undefined;
  }
  const order = (written?.argument ?? '').split(/\s+/).filter((word) => word !== '');
  if (new Set(order).size !== order.length || !sameMembers(order, names)) {
    const reason = `"crp:order" has to name each of ${names.join(', ')} once, the lowest first`;
    misfit(written ?? resolve, written === undefined ? 'resolve' : 'order', reason, reporter);
  }
  return order;
}

function sameMembers(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && other.every((name) => one.includes(name));
}

/** Reports that a statement does not fit where it stands. */
export function misfit(
  at: ExtensionInstance,
  statement: string,
  reason: string,
  reporter: ModelReporter,
): void {
  reporter.report('crp-does-not-fit', argumentSpan(at.statement), { statement, reason });
}
