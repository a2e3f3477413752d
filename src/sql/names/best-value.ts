import { assert } from '../../base/assert.ts';
import type { ColumnOrder } from '../../model/groups/column-order.ts';
import { columnOrder } from '../../model/groups/column-order.ts';
import type { ColumnGroup, Entity } from '../../model/ir/ir.ts';
import { quoteLiteral } from '../../model/ir/names.ts';

/*
 * The better of two values as an SQL expression, in the order of src/model/groups/column-order.ts. It must agree
 * with `bestValue` of merge: what the set-based statements take and what merge decides is the same.
 */

/** The order of a column of a monotonic group; the compiler has refused types without one. */
export function orderOf(entity: Entity, group: ColumnGroup, column: string): ColumnOrder {
  const { type } = entity.columns.find((candidate) => candidate.name === column)!;
  const order = columnOrder(group, type);
  assert(order !== undefined, () => `values of "${column}" of type ${type} have no order`);
  return order;
}

/** `one` and `other` are expressions of the column's type; NULL is below every value. */
export function bestOf(order: ColumnOrder, one: string, other: string): string {
  if (order.kind === 'serial') return pick(one, other, isSerialBehind(one, other));
  if (order.kind === 'listed') {
    const [left, right] = [one, other].map((value) => placeOf(order.values, value));
    return pick(one, other, order.least ? `${right} < ${left}` : `${right} > ${left}`);
  }
  // greatest() and least() leave NULLs out.
  const how = order.least ? 'least' : 'greatest';
  const collate = order.kind === 'text' ? ' COLLATE "C"' : '';
  return `${how}(${one}${collate}, ${other}${collate})`;
}

/** `other` where the condition holds or `one` is NULL. */
function pick(one: string, other: string, condition: string): string {
  return (
    `CASE WHEN ${other} IS NULL THEN ${one} ` +
    `WHEN ${one} IS NULL OR ${condition} THEN ${other} ELSE ${one} END`
  );
}

/** RFC 1982, section 3.2, with SERIAL_BITS = 32; of two opposite numbers the smaller one is behind. */
function isSerialBehind(one: string, other: string): string {
  const ahead = `((${other}::bigint - ${one}::bigint) & 4294967295)`;
  return `(${ahead} BETWEEN 1 AND 2147483647 OR (${ahead} = 2147483648 AND ${other} > ${one}))`;
}

function placeOf(values: readonly string[], value: string): string {
  const list = values.map(quoteLiteral).join(', ');
  return `array_position(ARRAY[${list}]::text[], ${value}::text)`;
}
