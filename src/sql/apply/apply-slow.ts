import { ident } from '../../model/ir/names.ts';
import { columnList, sameKey, tableOf, tombstoneOf } from '../names/apply-names.ts';
import { stagedType } from '../names/shape.ts';
import type { Shape, ShapeColumn } from '../names/shape.ts';

/*
 * Statements of the slow path: the changes that the set-based statements did not take are staged with
 * both their images, read in text form together with what the target has, and written back after merge.
 */

/** Staging table of the slow path: ordinal, then the row before (`b0…`) and after (`a0…`). */
export function slowTableDdl(shape: Shape, name: string): string {
  const columns = shape.columns.flatMap((column, index) => {
    const { type } = stagedType(column);
    return [`b${index} ${type}`, `a${index} ${type}`];
  });
  return (
    `CREATE TEMPORARY TABLE IF NOT EXISTS ${ident(name)} (_crp_i integer, ${columns.join(', ')}) ` +
    `ON COMMIT DELETE ROWS`
  );
}

/** The staged changes with their keys, in key order. */
function stagedKeys(shape: Shape, name: string): string {
  const { entity } = shape;
  const keyAt = (key: string): number => shape.columns.findIndex((column) => column.name === key);
  const staged = entity.key.map(
    (key) => `coalesce(a${keyAt(key)}, b${keyAt(key)}) AS ${ident(key)}`,
  );
  const order = columnList(entity.key);
  return `(SELECT *, ${staged.join(', ')} FROM pg_temp.${ident(name)} ORDER BY ${order}) AS s`;
}

/** Locks the rows of staged changes in key order, so that two appliers cannot wait for each other here. */
export function slowLock(shape: Shape, name: string): string {
  const { entity } = shape;
  return (
    `SELECT count(*) FROM ${stagedKeys(shape, name)} CROSS JOIN LATERAL ` +
    `(SELECT FROM ${tableOf(entity)} AS x WHERE ${sameKey(entity, 'x', 's')} FOR UPDATE) AS e`
  );
}

/**
 * Reads staged changes with the target's row and tombstone, after `slowLock` and in a statement of its own:
 * whoever held a row may have deleted it, and what the statement that waited sees is older than that.
 * Columns of the result, all text: ordinal; then `before`, `after`, `current` each as one value a column of the
 * whole; then whether there is a current row, and the tombstone's birth and stamp.
 *
 * @param whole the shape with more columns behind its own, in which staged changes have what a new row has
 */
export function slowRead(shape: Shape, whole: Shape, name: string): string {
  const { entity } = shape;
  const fresh = whole.columns
    .slice(shape.columns.length)
    .map(({ type, fallback }) => `(${fallback ?? 'NULL'})::${type}::text`);
  const text = (prefix: string): string =>
    [...shape.columns.map((_, index) => `s.${prefix}${index}::text`), ...fresh].join(', ');
  const current = whole.columns.map((column) => `e.${ident(column.name)}::text`).join(', ');
  return (
    `SELECT s._crp_i::text, ${text('b')}, ${text('a')}, ${current}, ` +
    `e._crp_found::text, t.birth::text, t.stamp::text FROM ${stagedKeys(shape, name)} ` +
    `LEFT JOIN LATERAL (SELECT true AS _crp_found, x.* FROM ${tableOf(entity)} AS x ` +
    `WHERE ${sameKey(entity, 'x', 's')}) AS e ON true ` +
    `LEFT JOIN ${tombstoneOf(entity)} AS t ON ${sameKey(entity, 't', 's')}`
  );
}

/** The FROM item `unnest($1::text[], …) AS v(…)`: values of the shape's columns in text form. */
function textValues(columns: readonly ShapeColumn[]): string {
  const arrays = columns.map((_, index) => `$${index + 1}::text[]`);
  return `unnest(${arrays.join(', ')}) AS v(${columnList(columns.map((column) => column.name))})`;
}

const cast = (column: ShapeColumn): string => `v.${ident(column.name)}::${column.type}`;

function castKey(shape: Shape, alias: string): string {
  const keys = shape.columns.filter((column) => shape.entity.key.includes(column.name));
  return keys.map((column) => `${alias}.${ident(column.name)} = ${cast(column)}`).join(' AND ');
}

/** Writes whole rows over existing ones. Parameters: one text array a shape column. */
export function slowUpdate(shape: Shape): string {
  const key = new Set(shape.entity.key);
  const set = shape.columns
    .filter((column) => !key.has(column.name))
    .map((column) => `${ident(column.name)} = ${cast(column)}`);
  return (
    `UPDATE ${tableOf(shape.entity)} AS e SET ${set.join(', ')} ` +
    `FROM ${textValues(shape.columns)} WHERE ${castKey(shape, 'e')}`
  );
}

/** Inserts whole rows; a key that came into being meanwhile is left out and counted as not taken. */
export function slowInsert(shape: Shape): string {
  const names = columnList(shape.columns.map((column) => column.name));
  return (
    `INSERT INTO ${tableOf(shape.entity)} (${names}) OVERRIDING SYSTEM VALUE ` +
    `SELECT ${shape.columns.map(cast).join(', ')} ` +
    `FROM ${textValues(shape.columns)} ON CONFLICT (${columnList(shape.entity.key)}) DO NOTHING`
  );
}

/**
 * Finds those of keys that are alive. `slowInsert` inserts dead ones where it waited for a local transaction that
 * inserted the key and deleted it. Parameters: one text array a key column, in the shape's order, then births.
 */
export function slowLiving(shape: Shape): string {
  const keys = shape.columns.filter((column) => shape.entity.key.includes(column.name));
  const arrays = keys.map((_, index) => `$${index + 1}::text[]`);
  const names = columnList(keys.map((column) => column.name));
  return (
    `SELECT FROM unnest(${arrays.join(', ')}, $${keys.length + 1}::bigint[]) AS v(${names}, birth) ` +
    `WHERE NOT EXISTS (SELECT FROM ${tombstoneOf(shape.entity)} AS t ` +
    `WHERE ${castKey(shape, 't')} AND t.birth >= v.birth)`
  );
}

/** Deletes rows by key. Parameters: one text array a key column, in the shape's order. */
export function slowDelete(shape: Shape): string {
  const keys = shape.columns.filter((column) => shape.entity.key.includes(column.name));
  return `DELETE FROM ${tableOf(shape.entity)} AS e USING ${textValues(keys)} WHERE ${castKey(shape, 'e')}`;
}

/** Writes tombstones. Parameters: one text array a key column, then births and stamps. */
export function slowTombstone(shape: Shape): string {
  const keys = shape.columns.filter((column) => shape.entity.key.includes(column.name));
  const names = columnList(keys.map((column) => column.name));
  const arrays = [...keys.map((_, index) => `$${index + 1}::text[]`)];
  const next = keys.length + 1;
  return (
    `INSERT INTO ${tombstoneOf(shape.entity)} AS t (${names}, birth, stamp) ` +
    `SELECT ${keys.map(cast).join(', ')}, v.birth, v.stamp FROM unnest(${arrays.join(', ')}, ` +
    `$${next}::bigint[], $${next + 1}::bigint[]) AS v(${names}, birth, stamp) ` +
    `ON CONFLICT (${columnList(shape.entity.key)}) DO UPDATE SET ` +
    `birth = greatest(t.birth, excluded.birth), stamp = greatest(t.stamp, excluded.stamp)`
  );
}
