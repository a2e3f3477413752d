import { AppError } from '../../base/errors.ts';
import type { Entity } from '../../model/ir/ir.ts';
import { BIRTH_COLUMN, mergedColumns } from '../../model/ir/ir.ts';
import { RESERVED_PREFIX } from '../../model/ir/names.ts';
import { stagedColumn } from './column-types.ts';
import { hiddenNames } from '../../sql/names/shape.ts';
import type { Shape, ShapeColumn } from '../../sql/names/shape.ts';

/** A relation as a batch describes it (ARCHITECTURE.md §6). */
export interface RelationDescriptor {
  schema: string;
  name: string;
  columns: { name: string; typeName: string; key: boolean }[];
}

/** What a relation of the origin means here: the changes of an entity, or of its tombstones. */
export type RelationPlan = EntityPlan | TombstonePlan;

/**
 * A relation of a model that this site does not have (yet): its changes are passed over. Nothing is lost by
 * that: when the site gets the model, it takes the rows from a site that has them (site/adopt.ts).
 */
export interface UnknownPlan {
  kind: 'unknown';
}

/** The plan of changes that are passed over. */
export const UNKNOWN_PLAN: UnknownPlan = { kind: 'unknown' };

/**
 * How to read the tuples of an entity's relation. One plan a distinct descriptor; statements are made for
 * it once and stay prepared.
 */
export interface EntityPlan {
  kind: 'entity';
  /** Unique in the session; names the staging table and the prepared statements. */
  id: number;
  shape: Shape;
  /** All that is here of the entity: the shape, and then the columns of groups that the origin's revision lacks. */
  whole: Shape;
  /** Number of fields in the origin's tuples. */
  fieldCount: number;
  /** For each shape column, its field in the tuple. */
  fieldOf: number[];
  /** Fields of the key, in key order. */
  key: number[];
  birth: number;
  /** Field of each group's stamp, in the order of the entity's groups. */
  stamps: number[];
}

/** Whether the changes of the relation's entity are recorded and replayed (docs/convergence.md). */
export function keepsHistory(plan: EntityPlan): boolean {
  return plan.shape.entity.history !== undefined;
}

export interface TombstonePlan {
  kind: 'tombstone';
  entity: Entity;
  key: number[];
  birth: number;
  stamp: number;
}

/** Local columns of a table: name, type as `format_type()`, oids. Generated columns are not in it. */
export type LocalTable = ReadonlyMap<string, ShapeColumn>;

/**
 * The plan for an entity's relation.
 *
 * @throws Error naming the column when the origin lacks a key or hidden column; AppError TABLE_CHANGED when this site's
 *   table lacks one, or has it with a type that the origin's values are not of
 */
export function planEntity(
  id: number,
  parts: {
    entity: Entity;
    relation: RelationDescriptor;
    local: LocalTable;
    deferrable?: boolean;
  },
): EntityPlan {
  const { relation, local } = parts;
  const entity = commonEntity(parts.entity, relation);
  const known = new Set([
    ...entity.key,
    ...hiddenNames(entity),
    ...entity.groups.flatMap((group) => group.columns),
  ]);
  const columns: ShapeColumn[] = [];
  const fieldOf: number[] = [];
  for (const [field, remote] of relation.columns.entries()) {
    if (!known.has(remote.name)) continue;
    columns.push(localColumn(relation, remote, local));
    fieldOf.push(field);
  }
  const field = fieldFinder(relation);
  const deferrable = parts.deferrable === true ? { deferrable: true } : {};
  const missing = missingColumns(parts.entity, { entity, local });
  return {
    kind: 'entity',
    id,
    shape: { entity, columns, ...deferrable },
    whole: { entity: parts.entity, columns: [...columns, ...missing], ...deferrable },
    fieldCount: relation.columns.length,
    fieldOf,
    key: entity.key.map(field),
    birth: field(BIRTH_COLUMN),
    stamps: entity.groups.map((group) => field(group.stamp)),
  };
}

/**
 * The column here that takes the origin's values. Without it they would be passed over, and the row would be taken for one
 * that has them.
 *
 * @throws AppError TABLE_CHANGED
 */
function localColumn(
  { schema, name }: RelationDescriptor,
  remote: { name: string; typeName: string },
  local: LocalTable,
): ShapeColumn {
  const column = local.get(remote.name);
  if (column === undefined) {
    throw new AppError(
      'TABLE_CHANGED',
      `Table "${schema}.${name}" here lacks column "${remote.name}"`,
      {
        hint: remote.name.startsWith(RESERVED_PREFIX)
          ? `It is one of Syncline's: ALTER TABLE … ADD COLUMN ${remote.name} ${remote.typeName}, NOT NULL DEFAULT 0 if it is a ` +
            'bigint; when the sites have the same again, syncline verify --repair'
          : 'The model has it: give the table the column again, with this name and its type, as a column that may be written. ' +
            'Its values do not come back by that: if it was dropped, and not renamed, join afresh (docs/operating/recover.md)',
      },
    );
  }
  const staged = stagedColumn(column, remote.typeName);
  if (staged !== undefined) return staged;
  const types = `${remote.typeName} at its origin and ${column.typeName} here`;
  throw new AppError(
    'TABLE_CHANGED',
    `Column "${remote.name}" of table "${schema}.${name}" is ${types}`,
    {
      hint:
        `Give it one type at all sites. What was written under the other type can be applied only while the column has ` +
        `it here too: ALTER TABLE … TYPE ${remote.typeName}, until this is applied`,
    },
  );
}

/**
 * The entity as an origin with an earlier revision of the model has it: without the column groups that it does
 * not know. Its changes say nothing about those, and they stay as they are here.
 */
function commonEntity(entity: Entity, relation: RelationDescriptor): Entity {
  const has = new Set(relation.columns.map((column) => column.name));
  const groups = entity.groups.filter((group) => has.has(group.stamp));
  if (groups.length === entity.groups.length || groups.length === 0) return entity;
  const known = new Set(groups.map((group) => group.name));
  const columns = entity.columns.filter(({ group }) => group === undefined || known.has(group));
  return { ...entity, groups, columns };
}

/** The columns here of the groups that the origin does not know. */
function missingColumns(
  whole: Entity,
  { entity, local }: { entity: Entity; local: LocalTable },
): ShapeColumn[] {
  const groups = whole.groups.filter((group) => !entity.groups.includes(group));
  const names = groups.flatMap((group) => [group.stamp, ...mergedColumns(group)]);
  return names.flatMap((name) => local.get(name) ?? []);
}

/** Places of the groups that the origin's revision of the model lacks, among those of the entity here. */
export function unknownGroups({ shape, whole }: EntityPlan): ReadonlySet<number> {
  const known = shape.entity.groups;
  return new Set(whole.entity.groups.flatMap((group, at) => (known.includes(group) ? [] : [at])));
}

/** The plan for the relation of an entity's tombstone table. */
export function planTombstone(entity: Entity, relation: RelationDescriptor): TombstonePlan {
  const field = fieldFinder(relation);
  return {
    kind: 'tombstone',
    entity,
    key: entity.key.map(field),
    birth: field('birth'),
    stamp: field('stamp'),
  };
}

function fieldFinder(relation: RelationDescriptor): (name: string) => number {
  return (name) => {
    const index = relation.columns.findIndex((column) => column.name === name);
    if (index < 0)
      throw new Error(`relation "${relation.name}" has no column "${name}" at the origin`);
    return index;
  };
}
