import { ident, quoteLiteral } from '../../model/ir/names.ts';
import { BIRTH, columnList, tombstoneOf } from '../names/apply-names.ts';
import { fastStatements } from './apply-fast.ts';
import type { Shape } from '../names/shape.ts';
import { stageColumns, stagedArrays } from './staging.ts';

/**
 * One statement that applies a small set of changes of one kind and moves the origin's progress, in a
 * transaction of its own: one round trip where latency counts. If a change was not taken, or should not have been,
 * the statement fails with `division_by_zero` (22012), so that nothing of it stays; the caller then takes the general
 * path. Parameters: the staging columns as arrays, then number of changes, position, origin.
 * Not for deletes: PostgreSQL allows a data-modifying WITH at the top level only.
 *
 * @param isDead name of the session's function that `isDeadDdl` makes; inserts need it
 */
export function quickStatement(shape: Shape, op: 'I' | 'U', isDead: string): string {
  const { insert, update } = fastStatements(shape, { from: 's' });
  const key = `${columnList(shape.entity.key)}, ${BIRTH}`;
  const taking = op === 'I' ? `${insert} RETURNING ${key}` : `${update} RETURNING 1`;
  // Of each row after it was inserted, as it is returned.
  const living = op === 'I' ? ` FILTER (WHERE NOT pg_temp.${ident(isDead)}(${key}))` : '';
  const first = stageColumns(shape).length + 1;
  return (
    `WITH s AS MATERIALIZED (SELECT * FROM ${stagedArrays(shape)}), ` +
    `taken AS (${taking}), ` +
    `progress AS (UPDATE crp.progress SET position = $${first + 1}::bigint, applied_at = now() ` +
    `WHERE origin = $${first + 2}::integer) ` +
    `SELECT 1 / (CASE WHEN count(*)${living} = $${first}::bigint THEN 1 ELSE 0 END) FROM taken`
  );
}

/**
 * A function of the session: whether the key with that birth is dead. It is volatile, so what it reads is newer than the
 * statement that calls it (PostgreSQL manual, "Function Volatility Categories"): the tombstone is seen of a transaction
 * for which that one had to wait.
 */
export function isDeadDdl(shape: Shape, name: string): string {
  const { entity, columns } = shape;
  const types = entity.key.map((key) => columns.find((column) => column.name === key)!.type);
  const same = entity.key.map((key, index) => `t.${ident(key)} = $${index + 1}`);
  const body =
    `SELECT EXISTS (SELECT FROM ${tombstoneOf(entity)} AS t ` +
    `WHERE ${same.join(' AND ')} AND t.birth >= $${types.length + 1})`;
  return (
    `CREATE OR REPLACE FUNCTION pg_temp.${ident(name)}(${[...types, 'bigint'].join(', ')}) ` +
    `RETURNS boolean LANGUAGE sql VOLATILE AS ${quoteLiteral(body)}`
  );
}
