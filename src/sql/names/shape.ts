import { hiddenColumns, mergedColumns } from '../../model/ir/ir.ts';
import type { ColumnGroup, Entity } from '../../model/ir/ir.ts';
import { replicatedColumns } from '../../model/ir/replicated.ts';

/**
 * An entity as a stream of changes brings it: the columns that both the origin's relation and the local
 * table have, in the relation's order. All statements of apply are made for a shape, so that a column
 * that one site has already and the other not yet is simply not in it.
 */
export interface Shape {
  entity: Entity;
  columns: ShapeColumn[];
  /** The local table has a DEFERRABLE unique or exclusion constraint, which ON CONFLICT takes only if it names another one. */
  deferrable?: boolean;
}

export interface ShapeColumn {
  name: string;
  /** The local column's type as it can stand in DDL and casts, `pg_catalog."int8"`. */
  type: string;
  /** The same as `format_type()` prints it, `bigint`; types are compared between sites by this name. */
  typeName: string;
  /** The local type's oid and the oid of its array type; 0 where it has none that a value for each row can be taken from. */
  oid: number;
  arrayOid: number;
  /**
   * What values are staged as where they may be none of the local type: labels of an enum, to which another site may have
   * added some. They have the same binary form, and what is written is of the local type again.
   */
  staged?: StagedType;
  /** SQL expression of the local column's default; absent without one. */
  fallback?: string;
}

/** A type by which values are staged, as in `ShapeColumn`. */
export type StagedType = Pick<ShapeColumn, 'type' | 'oid' | 'arrayOid'>;

/** The type that the column has in a staging table. */
export function stagedType(column: ShapeColumn): StagedType {
  return column.staged ?? column;
}

/** Names of the columns that staging adds in front of the shape's own. */
export const STAGE = {
  /** Ordinal of the net change. */
  index: '_crp_i',
  /** Its kind, one of `I`, `U`, `D`. */
  op: '_crp_op',
  /** Bit n is set if group n changed. */
  mask: '_crp_mask',
  baseBirth: '_crp_base_birth',
  deletedBirth: '_crp_del_birth',
  deletedStamp: '_crp_del_stamp',
} as const;

/** Staging column that holds the base stamp of a group. */
export function baseStampColumn(group: ColumnGroup): string {
  return `_crp_base${group.stamp}`;
}

/** Staging column that holds the value before the change, for groups that need it. */
export function oldValueColumn(column: string): string {
  return `_crp_old_${column}`;
}

/** Groups that merge by difference rather than by stamp. */
export function isAdditive(group: ColumnGroup): boolean {
  return group.method === 'additive';
}

/**
 * Groups for which the value that the origin saw is needed: to add what it added, or, for sets and serial
 * numbers, to know that nothing came between. Several steps in one net change can go more than half the circle.
 */
export function needsOldValues(group: ColumnGroup): boolean {
  return isAdditive(group) || isSet(group) || group.method === 'serial-maximum';
}

/** Groups whose array merges element by element. */
export function isSet(group: ColumnGroup): boolean {
  return group.tags !== undefined;
}

/** The shape's columns that are written as data: neither key nor stamp. */
export function dataColumns(shape: Shape): ShapeColumn[] {
  const merged = new Set(shape.entity.groups.flatMap(mergedColumns));
  return shape.columns.filter((column) => merged.has(column.name));
}

/** Names of the entity's hidden columns. */
export function hiddenNames(entity: Entity): string[] {
  return hiddenColumns(entity).map(({ name }) => name);
}

/** What all sites have of an entity's rows: the columns of the model that are replicated, and the hidden ones. */
export function shippedNames(entity: Entity): string[] {
  return [...replicatedColumns(entity).map(({ name }) => name), ...hiddenNames(entity)];
}
