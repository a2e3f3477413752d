import type { Entity, Expiry } from '../../model/ir/ir.ts';
import { BIRTH_COLUMN } from '../../model/ir/ir.ts';
import { sqlName, ident } from '../../model/ir/names.ts';
import { tableOf } from '../names/apply-names.ts';

/*
 * Rows that expire (crp:expires-at). A row goes without a tombstone and without a stamp, at every site by
 * itself; docs/convergence.md says why the sites agree.
 */

/** The index that finds expired rows; nothing for other entities. */
export function expiryDdl(entity: Entity): string[] {
  const { expires, table } = entity;
  if (expires === undefined) return [];
  const name = sqlName(table.name, expires.column, 'crp_expiry');
  return [
    `CREATE INDEX IF NOT EXISTS ${ident(name)} ON ${tableOf(entity)} (${ident(expires.column)})`,
  ];
}

/** The greatest stamp of a row. */
export function newest(entity: Entity, alias: string): string {
  const stamps = [BIRTH_COLUMN, ...entity.groups.map((group) => group.stamp)];
  return `greatest(${stamps.map((stamp) => `${alias}.${ident(stamp)}`).join(', ')})`;
}

/** `column + grace < moment`, in the form that the index serves. */
function isOver({ column, grace }: Expiry, alias: string, moment: string): string {
  return `${alias}.${ident(column)} < ${moment} - interval '${grace} seconds'`;
}

/** Condition that a row does not count any more at a moment (a parameter of type timestamptz); `false` if never. */
export function expiredAt(entity: Entity, alias: string, moment: string): string {
  return entity.expires === undefined ? 'false' : isOver(entity.expires, alias, moment);
}

/** When a row goes, as text: µs since 1970; null if never. */
export function expiryMicros({ column, grace }: Expiry, alias: string): string {
  const at = `${alias}.${ident(column)} + interval '${grace} seconds'`;
  return `(extract(epoch FROM ${at}) * 1000000)::bigint::text`;
}

/**
 * The greatest stamp among the rows that expire soon (`$1` interval), of at most `$2` of them: when everything
 * up to it is stable they may go. By the index on the time.
 */
export function soonExpired(entity: Entity & { expires: Expiry }): string {
  return (
    `SELECT max(${newest(entity, 'x')}) AS newest FROM (SELECT * FROM ${tableOf(entity)} AS e ` +
    `WHERE ${isOver(entity.expires, 'e', 'clock_timestamp() + $1::interval')} LIMIT $2) AS x`
  );
}

/**
 * Removes expired rows without a stamp above `$1`, of which at most `$3`; those whose time came since `$2`
 * (null: all). The conditions stand twice: a row that somebody changed meanwhile is looked at again. Rows that
 * somebody has locked are left for the next round.
 */
export function removeExpired(entity: Entity & { expires: Expiry }): string {
  const table = tableOf(entity);
  const { column, grace } = entity.expires;
  const gone = (alias: string): string =>
    `${isOver(entity.expires, alias, 'now()')} AND ${newest(entity, alias)} <= $1::bigint`;
  return (
    `DELETE FROM ${table} AS e WHERE e.ctid = ANY (ARRAY(SELECT x.ctid FROM ${table} AS x WHERE ${gone('x')} ` +
    `AND ($2::timestamptz IS NULL OR x.${ident(column)} >= $2::timestamptz - interval '${grace} seconds') ` +
    `LIMIT $3 FOR UPDATE SKIP LOCKED)) AND ${gone('e')}`
  );
}
