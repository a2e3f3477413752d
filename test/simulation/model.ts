import { planEntity, planTombstone } from '../../src/apply/rows/relation.ts';
import type {
  EntityPlan,
  RelationDescriptor,
  TombstonePlan,
} from '../../src/apply/rows/relation.ts';
import { policyOf, valueColumns } from '../../src/merge/policy.ts';
import type { MergePolicy } from '../../src/merge/types.ts';
import { BIRTH_COLUMN } from '../../src/model/ir/ir.ts';
import type { ColumnGroup, Entity, Expiry } from '../../src/model/ir/ir.ts';
import type { DeleteRule, KeyClashRule, Method } from '../../src/model/ir/ir-resolution.ts';
import { isSetMethod } from '../../src/model/groups/set-groups.ts';
import type { ShapeColumn } from '../../src/sql/names/shape.ts';
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
  schema: string;
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

/** Rules and methods of an entity that need history. */
export interface SimRules {
  onDeleteUpdate?: DeleteRule;
  onKeyClash?: KeyClashRule;
}

/** The entity of a row, by the row's name: place of the entity in the model, then the key. */
export function simOf(model: readonly SimEntity[], row: string): SimEntity {
  return model[Number(row.split('/')[0])]!;
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

function needsHistory(groups: readonly ColumnGroup[], rules: SimRules): boolean {
  return groups.some(({ method }) => method === 'ordered') || Object.keys(rules).length > 0;
}

/** A column group as the compiler makes it. */
export function simGroup(name: string, columns: string[], method: Method): ColumnGroup {
  return {
    ...{ name, stamp: `_crp_${name}`, columns, method },
    ...(method === 'priority-group' ? { order: STATES } : {}),
    ...(isSetMethod(method) ? { tags: `_crp_${name}_tags` } : {}),
  };
}

/** What is said of an entity beside its groups. */
export interface EntityParts {
  toasted: ReadonlySet<number>;
  texts: ReadonlySet<string>;
  rules?: SimRules;
  /** When its rows are over; only without history. */
  expires?: Expiry;
}

/** `bigint` where the method needs numbers; a maximum is of texts where `texts` names the group. */
function typeOf(group: ColumnGroup, name: string, { texts, expires }: EntityParts): string {
  if (name === expires?.column) return 'timestamp with time zone';
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
export function simEntity(index: number, groups: ColumnGroup[], parts: EntityParts): SimEntity {
  const { toasted, rules = {}, expires } = parts;
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
        group.columns.map((one) => column(one, typeOf(group, one, parts), group.name)),
      ),
    ],
    ...{ key: ['k'], uniques: [], references: [], checks: [], groups },
    ...{ ownership: { kind: 'site' as const }, ...rules },
    ...(expires === undefined ? {} : { expires }),
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
  return { oid: 1000 + 2 * index, ...entity.table, full: true, columns };
}

function tombstoneRelation(entity: Entity, index: number): SimRelation {
  const columns = ['k', 'birth', 'stamp'].map((name) => ({ name, oid: INT8, key: name === 'k' }));
  return { oid: 1001 + 2 * index, schema: 'crp', name: entity.tombstone, full: false, columns };
}

function descriptor(relation: SimRelation): RelationDescriptor {
  return {
    ...{ schema: relation.schema, name: relation.name },
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
