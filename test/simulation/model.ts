import { planEntity, planTombstone } from '../../src/apply/relation.ts';
import type { EntityPlan, RelationDescriptor, TombstonePlan } from '../../src/apply/relation.ts';
import { policyOf, valueColumns } from '../../src/merge/policy.ts';
import type { MergePolicy } from '../../src/merge/types.ts';
import { BIRTH_COLUMN, mergedColumns } from '../../src/model/ir.ts';
import type { ColumnGroup, Entity } from '../../src/model/ir.ts';
import type { DeleteRule, Method, OrderedMethod } from '../../src/model/ir-resolution.ts';
import { isSetMethod } from '../../src/model/set-groups.ts';
import type { ShapeColumn } from '../../src/sql/shape.ts';
import type { Random } from './random.ts';
import { STATES } from './values.ts';

/** An entity with what the agent derives from it. */
export interface SimEntity {
  entity: Entity;
  policy: MergePolicy;
  plan: EntityPlan;
  /** As `plan`, for an apply that does not know of the entity's history. */
  netted: EntityPlan;
  tombstone: TombstonePlan;
  /** As the walsender describes the two tables: oid, name, columns with their type's oid. */
  relations: SimRelation[];
  /** Places of value columns that the WAL leaves out where they do not change (TOAST). */
  toasted: ReadonlySet<number>;
}

export interface SimRelation {
  oid: number;
  name: string;
  full: boolean;
  columns: { name: string; oid: number; key: boolean }[];
}

const INT8 = 20;
const TEXT = 25;
/** Names of types by oid, as capture reads them from `pg_type`. */
export const TYPES = new Map([
  [INT8, 'bigint'],
  [TEXT, 'text'],
]);

const METHODS: readonly Method[] = [
  ...(['latest-timestamp', 'latest-timestamp', 'additive', 'additive', 'overwrite'] as const),
  ...(['maximum', 'minimum', 'serial-maximum', 'priority-group'] as const),
  ...(['add-wins', 'remove-wins'] as const),
];

/** What decides first in ordered groups, and what does when that cannot. */
const FIRST: readonly OrderedMethod[] = [
  ...([{ method: 'earliest-timestamp' }, { method: 'discard' }, { method: 'park' }] as const),
  ...([{ method: 'average' }, { method: 'average' }, { method: 'owner-wins' }] as const),
  { method: 'site-priority', sites: ['s1', 's2047'] },
  { method: 'site-priority', sites: ['s30', 's5', 's2'] },
  { method: 'sql-function', function: { schema: 's', name: 'f' } },
];
const NEXT: readonly OrderedMethod[] = [
  ...([{ method: 'latest-timestamp' }, { method: 'overwrite' }, { method: 'discard' }] as const),
  ...([{ method: 'average' }, { method: 'additive' }, { method: 'maximum' }] as const),
  { method: 'site-priority', sites: ['s5'] },
];

/** Rules and methods of an entity that need history. */
export interface SimRules {
  onDeleteUpdate?: DeleteRule;
  onKeyClash?: 'earliest';
}

/** The name of a site. */
export function siteName(number: number): string {
  return `s${number}`;
}

/**
 * Numbers of the sites that there may be at the beginning, and of those that join. They are not in order, and one
 * is the greatest that there is.
 */
export const FIRST_SITES: readonly number[] = [5, 1, 2047, 2, 30];
export const NEW_SITES: readonly number[] = [3, 1999];

const NAMES = new Map([...FIRST_SITES, ...NEW_SITES].map((number) => [number, siteName(number)]));

/** One or two entities of one to three column groups, with drawn methods. */
export function drawModel(random: Random): SimEntity[] {
  const count = random.chance(30) ? 2 : 1;
  return Array.from({ length: count }, (_, index) => drawEntity(random, index));
}

function drawEntity(random: Random, index: number): SimEntity {
  const groups: ColumnGroup[] = [];
  const keeps = random.chance(45);
  for (let group = random.weighted([1, 3, 3]); group >= 0; group--) {
    const name = `g${groups.length}`;
    const methods = keeps && random.chance(60) ? drawMethods(random) : undefined;
    const method = random.pick(METHODS);
    const isFunction = methods?.some((one) => one.method === 'sql-function') === true;
    const isOne = isFunction || (methods === undefined && isSetMethod(method));
    const columns = !isOne && random.chance(30) ? [`${name}a`, `${name}b`] : [`${name}a`];
    const group = simGroup(name, columns, method);
    groups.push(methods === undefined ? group : ordered(group, methods));
  }
  const rules = keeps ? drawRules(random) : {};
  const texts = new Set(groups.filter(() => random.chance(40)).map(({ name }) => name));
  const toasted = new Set<number>();
  const values = groups.flatMap(mergedColumns).length;
  for (let place = 0; place < values; place++) if (random.chance(30)) toasted.add(place);
  return simEntity(index, groups, { toasted, texts, rules });
}

function needsHistory(groups: readonly ColumnGroup[], rules: SimRules): boolean {
  return groups.some(({ method }) => method === 'ordered') || Object.keys(rules).length > 0;
}

function ordered({ name, stamp, columns }: ColumnGroup, methods: OrderedMethod[]): ColumnGroup {
  return { name, stamp, columns, method: 'ordered', methods };
}

function drawMethods(random: Random): OrderedMethod[] {
  const methods = [random.pick(FIRST)];
  while (methods.length < 3 && random.chance(50)) methods.push(random.pick(NEXT));
  return methods;
}

function drawRules(random: Random): SimRules {
  const onDeleteUpdate = random.pick(['update', 'latest', 'park', undefined, undefined] as const);
  return {
    ...(onDeleteUpdate === undefined ? {} : { onDeleteUpdate }),
    ...(random.chance(40) ? { onKeyClash: 'earliest' as const } : {}),
  };
}

/** A column group as the compiler makes it. */
export function simGroup(name: string, columns: string[], method: Method): ColumnGroup {
  return {
    ...{ name, stamp: `_crp_${name}`, columns, method },
    ...(method === 'priority-group' ? { order: STATES } : {}),
    ...(isSetMethod(method) ? { tags: `_crp_${name}_tags` } : {}),
  };
}

/** `bigint` where the method needs numbers; a maximum is of texts where `texts` names the group. */
function typeOf(group: ColumnGroup, texts: ReadonlySet<string>): string {
  const numbers = ['average', 'additive', 'maximum'];
  if (group.methods?.some(({ method }) => numbers.includes(method)) === true) return 'bigint';
  if (group.tags !== undefined) return texts.has(group.name) ? 'text[]' : 'integer[]';
  if (group.method === 'minimum' || group.method === 'serial-maximum') return 'bigint';
  return group.method === 'maximum' && !texts.has(group.name) ? 'bigint' : 'text';
}

/**
 * What the agent derives from an entity with these groups. Values travel as text, whatever their type:
 * apply never looks into them.
 */
export function simEntity(
  index: number,
  groups: ColumnGroup[],
  {
    toasted,
    texts,
    rules = {},
  }: { toasted: ReadonlySet<number>; texts: ReadonlySet<string>; rules?: SimRules },
): SimEntity {
  const name = `e${index}`;
  const column = (columnName: string, type: string, group?: string): Entity['columns'][number] => ({
    ...{ name: columnName, path: columnName, type, notNull: false },
    ...(group === undefined ? {} : { group }),
  });
  const entity: Entity = {
    ...{ name, path: `/${name}`, table: { schema: 's', name }, tombstone: `${name}_tombstone` },
    columns: [
      column('k', 'bigint'),
      ...groups.flatMap((group) =>
        group.columns.map((one) => column(one, typeOf(group, texts), group.name)),
      ),
    ],
    ...{ key: ['k'], uniques: [], references: [], checks: [], groups },
    ...{ ownership: { kind: 'site' as const }, ...rules },
  };
  if (needsHistory(groups, rules)) entity.history = `${name}_history`;
  const relations = [tableRelation(entity, index), tombstoneRelation(entity, index)];
  const [table, tombstone] = relations.map(descriptor);
  const { history: _, ...withoutHistory } = entity;
  const planOf = (one: Entity): EntityPlan =>
    planEntity(2 * index, { entity: one, relation: table!, local: localTable(table!) });
  return {
    ...{ entity, relations, toasted, policy: policyOf(entity, () => NAMES) },
    plan: planOf(entity),
    netted: planOf(withoutHistory),
    tombstone: planTombstone(entity, tombstone!),
  };
}

function tableRelation(entity: Entity, index: number): SimRelation {
  const column = (name: string, oid: number): SimRelation['columns'][number] => ({
    ...{ name, oid, key: true },
  });
  const data = valueColumns(entity).map(({ name }) => column(name, TEXT));
  const stamps = entity.groups.map((group) => column(group.stamp, INT8));
  const columns = [column('k', INT8), ...data, column(BIRTH_COLUMN, INT8), ...stamps];
  return { oid: 1000 + 2 * index, name: entity.table.name, full: true, columns };
}

function tombstoneRelation(entity: Entity, index: number): SimRelation {
  const columns = ['k', 'birth', 'stamp'].map((name) => ({ name, oid: INT8, key: name === 'k' }));
  return { oid: 1001 + 2 * index, name: entity.tombstone, full: false, columns };
}

function descriptor(relation: SimRelation): RelationDescriptor {
  return {
    ...{ schema: 's', name: relation.name },
    columns: relation.columns.map(({ name, oid, key }) => ({
      ...{ name, key, typeName: TYPES.get(oid)! },
    })),
  };
}

function localTable(relation: RelationDescriptor): Map<string, ShapeColumn> {
  return new Map(
    relation.columns.map(({ name, typeName }) => [
      name,
      { name, type: typeName, typeName, oid: 0, arrayOid: 0 },
    ]),
  );
}
