import { mergedColumns } from '../../model/ir/ir.ts';
import { ident } from '../../model/ir/names.ts';
import { columnList } from '../names/apply-names.ts';
import {
  baseStampColumn,
  needsOldValues,
  oldValueColumn,
  STAGE,
  stagedType,
} from '../names/shape.ts';
import type { Shape, ShapeColumn, StagedType } from '../names/shape.ts';

/** Type oids of PostgreSQL's catalog (`pg_type.dat`); they never change. */
const OID = { bool: 16, char: 18, int8: 20, int4: 23 } as const;
const ARRAY_OID = { char: 1002, int8: 1016, int4: 1007 } as const;

/** One column of the staging table, in its order. */
export interface StageColumn extends StagedType {
  name: string;
  /** The type that its values get where they are taken from the table, if it is another one. */
  becomes?: string;
}

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
    ...differenceColumns(shape).map((column) => staged(column, oldValueColumn(column.name))),
    ...shape.columns.map((column) => staged(column, column.name)),
  ];
}

function staged(column: ShapeColumn, name: string): StageColumn {
  const { type, oid, arrayOid } = stagedType(column);
  const becomes = column.staged === undefined ? {} : { becomes: column.type };
  return { name, type, oid, arrayOid, ...becomes };
}

/** Shape columns whose value before the change is staged too. */
export function differenceColumns(shape: Shape): ShapeColumn[] {
  const groups = shape.entity.groups.filter(needsOldValues);
  return shape.columns.filter((column) =>
    groups.some((group) => mergedColumns(group).includes(column.name)),
  );
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
  const order = columnList(shape.entity.key);
  return `(SELECT ${stageValues(shape)} FROM pg_temp.${ident(name)} AS x ORDER BY ${order}) AS s`;
}

/** FROM item that yields the same columns from array parameters `$1`, `$2`, … */
export function stagedArrays(shape: Shape): string {
  const columns = stageColumns(shape);
  const arrays = columns.map((column, index) => `$${index + 1}::${column.type}[]`).join(', ');
  const names = columnList(columns.map(({ name }) => name));
  const values = stageValues(shape);
  if (values === '*') return `unnest(${arrays}) AS s(${names})`;
  return `(SELECT ${values} FROM unnest(${arrays}) AS x(${names})) AS s`;
}

/** What is staged, each value of its column's type here. One that the type has not fails where its row is taken. */
function stageValues(shape: Shape): string {
  const columns = stageColumns(shape);
  if (columns.every(({ becomes }) => becomes === undefined)) return '*';
  const values = columns.map(({ name, becomes }) =>
    becomes === undefined ? `x.${ident(name)}` : `x.${ident(name)}::${becomes} AS ${ident(name)}`,
  );
  return values.join(', ');
}

/** True if all columns can be sent as arrays: PostgreSQL has no arrays of arrays, and takes those of composites apart. */
export function canUnnest(shape: Shape): boolean {
  return stageColumns(shape).every((column) => column.arrayOid !== 0);
}
