import { mergedColumns } from '../../model/ir/ir.ts';
import { ident } from '../../model/ir/names.ts';
import { columnList } from '../names/apply-names.ts';
import { baseStampColumn, needsOldValues, oldValueColumn, STAGE } from '../names/shape.ts';
import type { Shape, ShapeColumn } from '../names/shape.ts';

/** Type oids of PostgreSQL's catalog (`pg_type.dat`); they never change. */
const OID = { bool: 16, char: 18, int8: 20, int4: 23 } as const;
const ARRAY_OID = { char: 1002, int8: 1016, int4: 1007 } as const;

/** One column of the staging table, in its order. */
export type StageColumn = Omit<ShapeColumn, 'typeName'>;

/**
 * The columns of the staging table of a shape: ordinal, kind, mask, base birth and stamps, tombstone,
 * then old values of groups that merge by difference, then the shape's own columns.
 */
export function stageColumns(shape: Shape): StageColumn[] {
  const bigint = (name: string): StageColumn => ({
    name,
    type: 'bigint',
    oid: OID.int8,
    arrayOid: ARRAY_OID.int8,
  });
  return [
    { name: STAGE.index, type: 'integer', oid: OID.int4, arrayOid: ARRAY_OID.int4 },
    { name: STAGE.op, type: '"char"', oid: OID.char, arrayOid: ARRAY_OID.char },
    { name: STAGE.mask, type: 'integer', oid: OID.int4, arrayOid: ARRAY_OID.int4 },
    bigint(STAGE.baseBirth),
    ...shape.entity.groups.map((group) => bigint(baseStampColumn(group))),
    bigint(STAGE.deletedBirth),
    bigint(STAGE.deletedStamp),
    ...oldColumns(shape),
    ...shape.columns,
  ];
}

/** Shape columns whose value before the change is staged too. */
export function differenceColumns(shape: Shape): ShapeColumn[] {
  const groups = shape.entity.groups.filter(needsOldValues);
  return shape.columns.filter((column) =>
    groups.some((group) => mergedColumns(group).includes(column.name)),
  );
}

function oldColumns(shape: Shape): StageColumn[] {
  return differenceColumns(shape).map((column) => ({
    ...column,
    name: oldValueColumn(column.name),
  }));
}

/** DDL of the staging table: temporary, so neither logged nor seen by anybody else. */
export function stageTableDdl(shape: Shape, name: string): string {
  const columns = stageColumns(shape).map((column) => `${ident(column.name)} ${column.type}`);
  return `CREATE TEMPORARY TABLE IF NOT EXISTS ${ident(name)} (${columns.join(', ')}) ON COMMIT DELETE ROWS`;
}

/** COPY statement that fills it (PostgreSQL manual, COPY, "Binary Format"). */
export function stageCopy(name: string): string {
  return `COPY pg_temp.${ident(name)} FROM STDIN WITH (FORMAT binary)`;
}

/**
 * FROM item of what is staged, in the key's order: rows that are next to each other in an index are written one after
 * the other, and two appliers lock rows in the same order.
 */
export function stagedByKey(shape: Shape, name: string): string {
  return `(SELECT * FROM pg_temp.${ident(name)} ORDER BY ${columnList(shape.entity.key)}) AS s`;
}

/** FROM item that yields the same columns from array parameters `$first`, `$first + 1`, … */
export function stageUnnest(shape: Shape, first: number): string {
  const columns = stageColumns(shape);
  const arrays = columns.map((column, index) => `$${first + index}::${column.type}[]`);
  return `unnest(${arrays.join(', ')})`;
}

/** Column alias list for `stageUnnest(…) AS s(…)`. */
export function stageAliases(shape: Shape): string {
  return stageColumns(shape)
    .map((column) => ident(column.name))
    .join(', ');
}

/** True if all columns can be sent as arrays: PostgreSQL has no arrays of arrays, and takes those of composites apart. */
export function canUnnest(shape: Shape): boolean {
  return stageColumns(shape).every((column) => column.arrayOid !== 0);
}
