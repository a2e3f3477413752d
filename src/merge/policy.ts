import { columnOrder, isMonotonic } from '../model/groups/column-order.ts';
import type { ColumnOrder } from '../model/groups/column-order.ts';
import { assert } from '../base/assert.ts';
import { mergedColumns } from '../model/ir/ir.ts';
import type { ColumnGroup, Entity, Expiry } from '../model/ir/ir.ts';
import type { OrderedMethod } from '../model/ir/ir-resolution.ts';
import { valueColumns } from '../model/ir/replicated.ts';
import { ident } from '../model/ir/names.ts';
import { orderOf } from '../sql/names/best-value.ts';
import { hasNumbers } from '../sql/ddl/set-ddl.ts';
import type { Decider, GroupPolicy, MergePolicy, SetPolicy, SiteNames } from './types.ts';

export { valueColumns };

/**
 * What merge has to know of an entity.
 *
 * @param names of all sites; only asked by methods that go by sites
 */
export function policyOf(entity: Entity, names: SiteNames = () => new Map()): MergePolicy {
  const { onDeleteUpdate, onKeyClash } = entity;
  return {
    groups: entity.groups.map((group) => groupPolicy(entity, group, names)),
    ...(onDeleteUpdate === undefined ? {} : { onDeleteUpdate }),
    ...(onKeyClash === undefined ? {} : { onKeyClash }),
    ...(entity.expires === undefined ? {} : { expires: expiryPlace(entity, entity.expires) }),
  };
}

function expiryPlace(
  entity: Entity,
  { column, grace }: Expiry,
): NonNullable<MergePolicy['expires']> {
  const value = valueColumns(entity).findIndex(({ name }) => name === column);
  return { value, graceMicros: BigInt(Math.round(grace * 1e6)) };
}

function groupPolicy(entity: Entity, group: ColumnGroup, names: SiteNames): GroupPolicy {
  const places = valueColumns(entity).map((column) => column.name);
  const { name, method, columns, methods } = group;
  return {
    ...{ name, method, columns: mergedColumns(group).map((column) => places.indexOf(column)) },
    ...(isMonotonic(method)
      ? { orders: columns.map((column) => orderOf(entity, group, column)) }
      : {}),
    ...(methods === undefined
      ? {}
      : { methods: methods.map((one) => decider({ entity, group, names }, one)) }),
    ...(group.tags === undefined ? {} : { set: setPolicy(entity, group) }),
  };
}

interface DeciderContext {
  entity: Entity;
  group: ColumnGroup;
  names: SiteNames;
}

function decider(context: DeciderContext, one: OrderedMethod): Decider {
  const { entity, group, names } = context;
  const types = group.columns.map(
    (name) => entity.columns.find((column) => column.name === name)!.type,
  );
  switch (one.method) {
    case 'average':
      return { method: one.method, scales: types.map(scaleOf) };
    case 'site-priority':
      return { method: one.method, sites: one.sites ?? [], names };
    case 'owner-wins':
      return { method: one.method, names, ...ownerPlace(entity) };
    case 'sql-function': {
      const { schema, name } = one.function!;
      const columns = group.columns.map((column, at) => ({ name: column, type: types[at]! }));
      return {
        ...{ method: one.method, name: `${ident(schema)}.${ident(name)}` },
        ...(columns.length === 1 ? { type: types[0]! } : { type: 'jsonb', columns }),
      };
    }
    case 'maximum':
    case 'minimum':
    case 'serial-maximum':
    case 'priority-group':
      return { method: one.method, orders: types.map((type) => orderFor(one, type)) };
    default:
      return { method: one.method };
  }
}

function ownerPlace(entity: Entity): { place?: number } {
  const { ownership } = entity;
  if (ownership?.kind !== 'row') return {};
  return {
    place: valueColumns(entity).findIndex((column) => column.name === ownership.column),
  };
}

function orderFor(one: OrderedMethod, type: string): ColumnOrder {
  const order = columnOrder(one, type);
  assert(order !== undefined, () => `values of type ${type} have no order for ${one.method}`);
  return order;
}

/** Digits after the point that a column keeps: those of `numeric(p,s)`, none of integers. */
function scaleOf(type: string): number | undefined {
  if (!type.startsWith('numeric')) return 0;
  const match = /^numeric\(\d+(?:,(\d+))?\)$/.exec(type);
  return match === null ? undefined : Number(match[1] ?? 0);
}

function setPolicy(entity: Entity, group: ColumnGroup): SetPolicy {
  const column = entity.columns.find(({ name }) => name === group.columns[0])!;
  const secret = column.secret === true ? { secret: true } : {};
  return { numbers: hasNumbers(column), empty: column.notNull ? '{}' : null, ...secret };
}
