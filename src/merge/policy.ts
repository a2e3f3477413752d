import { isMonotonic } from '../model/column-order.ts';
import type { Column, Entity } from '../model/ir.ts';
import { orderOf } from '../sql/best-value.ts';
import type { MergePolicy } from './types.ts';

/** The columns that `RowVersion.values` holds, in its order: all but the key. */
export function valueColumns(entity: Entity): Column[] {
  return entity.columns.filter((column) => !entity.key.includes(column.name));
}

/** What merge has to know of an entity. */
export function policyOf(entity: Entity): MergePolicy {
  const names = valueColumns(entity).map((column) => column.name);
  return {
    groups: entity.groups.map((group) => ({
      name: group.name,
      method: group.method,
      columns: group.columns.map((column) => names.indexOf(column)),
      ...(isMonotonic(group.method)
        ? { orders: group.columns.map((column) => orderOf(entity, group, column)) }
        : {}),
    })),
  };
}
