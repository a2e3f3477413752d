import type { Entity } from '../../model/ir/ir.ts';
import { ident } from '../../model/ir/names.ts';
import { columnList, sameKey, tombstoneOf } from '../names/apply-names.ts';
import { literal } from '../ddl/catalog-ddl.ts';
import { HISTORY_COLUMNS, historyOf } from '../ddl/history-ddl.ts';
import type { Shape } from '../names/shape.ts';

/*
 * Statements of apply for entities that keep history. They work on the staging table of the slow path
 * (apply-slow.ts), whose rows they number by key: all changes of a key have the ordinal of the first one.
 */

/** The staged changes with their keys' columns and the ordinal of the first change of their key. */
function staged(shape: Shape, table: string): string {
  const { key } = shape.entity;
  const at = (name: string): number => shape.columns.findIndex((column) => column.name === name);
  const keys = key.map((name) => `coalesce(a${at(name)}, b${at(name)}) AS ${ident(name)}`);
  return (
    `(SELECT k.*, min(k._crp_i) OVER (PARTITION BY ${columnList(key, 'k')}) AS _crp_first ` +
    `FROM (SELECT _crp_i, ${keys.join(', ')} FROM pg_temp.${ident(table)}) AS k) AS s`
  );
}

/**
 * What is known of each staged change's key, besides the row: ordinals of the change and of its key,
 * birth and stamp of the tombstone, newest stamp of the history, and the newest that is this site's own. Run
 * after the rows are locked, so that it sees what those did who had them locked before.
 */
export function historyKeys(shape: Shape, table: string): string {
  const { entity } = shape;
  return (
    `SELECT s._crp_i::text, s._crp_first::text, t.birth::text, t.stamp::text, ` +
    `(SELECT max(h._crp_stamp)::text FROM ${historyOf(entity)} AS h WHERE ${sameKey(entity, 'h', 's')}), ` +
    `(SELECT max(h._crp_stamp)::text FROM ${historyOf(entity)} AS h WHERE ${sameKey(entity, 'h', 's')} ` +
    `AND ${OWN_STAMP}) ` +
    `FROM ${staged(shape, table)} LEFT JOIN ${tombstoneOf(entity)} AS t ON ${sameKey(entity, 't', 's')}`
  );
}

const OWN_STAMP = 'h._crp_stamp & 2047 = (SELECT number FROM crp.site)';

/**
 * Finds those of keys of which local transactions have recorded no more than was known. Parameters: one text array a
 * key column, then the newest stamps of this site that were known, then arrays, as text, of the stamps that apply has
 * recorded itself.
 */
export function historyUnchanged(entity: Entity): string {
  const newer = `h._crp_stamp > v.known AND h._crp_stamp <> ALL (v.own::bigint[])`;
  return (
    `SELECT FROM ${keyArrays(entity, { known: 'bigint', own: 'text' })} WHERE NOT EXISTS ` +
    `(SELECT FROM ${historyOf(entity)} AS h WHERE ${keyIs(entity, 'h')} AND ${OWN_STAMP} AND ${newer})`
  );
}

/** The columns of a history's row as `historyRow` reads them; arrays are JSON, which JavaScript reads. */
function historyTexts(alias: string): string {
  return Object.entries(HISTORY_COLUMNS)
    .map(([name, type]) =>
      type.endsWith('[]') ? `to_json(${alias}.${name}::text[])::text` : `${alias}.${name}::text`,
    )
    .join(', ');
}

/** The histories of the keys with the ordinals `$1::integer[]`: ordinal, then the history's columns. */
export function historyRead(shape: Shape, table: string): string {
  const { entity } = shape;
  return (
    `SELECT s._crp_first::text, ${historyTexts('h')} FROM ${staged(shape, table)} ` +
    `JOIN ${historyOf(entity)} AS h ON ${sameKey(entity, 'h', 's')} ` +
    `WHERE s._crp_i = s._crp_first AND s._crp_i = ANY ($1::integer[]) ORDER BY h._crp_stamp`
  );
}

/**
 * Records changes, those that are there already but once. `$1::jsonb`: objects whose properties are `k0`,
 * `k1`, … for the key and the history's columns, all text or arrays of text.
 */
export function historyInsert(entity: Entity): string {
  const keys = entity.key.map((_, index) => `k${index}`);
  const names = Object.keys(HISTORY_COLUMNS);
  const types = Object.entries(HISTORY_COLUMNS).map(
    ([name, type]) => `${name} ${type.split(' ')[0]}`,
  );
  const casts = entity.key.map((name, index) => `v.k${index}::${typeOf(entity, name)}`);
  return (
    `INSERT INTO ${historyOf(entity)} (${columnList([...entity.key, ...names])}) ` +
    `SELECT ${[...casts, ...names.map((name) => `v.${name}`)].join(', ')} FROM jsonb_to_recordset($1::jsonb) ` +
    `AS v(${[...keys.map((key) => `${key} text`), ...types].join(', ')}) ON CONFLICT DO NOTHING`
  );
}

function typeOf(entity: Entity, name: string): string {
  return entity.columns.find((column) => column.name === name)!.type;
}

/** FROM item of keys: one text array a key column, in the key's order, then `more` arrays, by name and type. */
function keyArrays(entity: Entity, more: Readonly<Record<string, string>> = {}): string {
  const types = [...entity.key.map(() => 'text'), ...Object.values(more)];
  const arrays = types.map((type, index) => `$${index + 1}::${type}[]`);
  const names = [...entity.key.map((_, index) => `k${index}`), ...Object.keys(more)];
  return `unnest(${arrays.join(', ')}) AS v(${names.join(', ')})`;
}

function keyIs(entity: Entity, alias: string): string {
  return entity.key
    .map((name, index) => `${alias}.${ident(name)} = v.k${index}::${typeOf(entity, name)}`)
    .join(' AND ');
}

/** Writes tombstones as they are: a row that came back may have one that is older. */
export function historyTombstone(entity: Entity): string {
  const keys = columnList(entity.key);
  const casts = entity.key.map((name, index) => `v.k${index}::${typeOf(entity, name)}`);
  return (
    `INSERT INTO ${tombstoneOf(entity)} (${keys}, birth, stamp) ` +
    `SELECT ${casts.join(', ')}, v.birth, v.stamp FROM ${keyArrays(entity, { birth: 'bigint', stamp: 'bigint' })} ` +
    `ON CONFLICT (${keys}) DO UPDATE SET birth = excluded.birth, stamp = excluded.stamp`
  );
}

/** Removes tombstones of keys that have no dead incarnation any more. */
export function historyNoTombstone(entity: Entity): string {
  return `DELETE FROM ${tombstoneOf(entity)} AS t USING ${keyArrays(entity)} WHERE ${keyIs(entity, 't')}`;
}

/** Whether the key does not wait: of one that does, the history is all that there is of its row. */
function notWaiting(entity: Entity): string {
  const same = entity.key.map(
    (name) => `(w.key ->> ${literal(name)})::${typeOf(entity, name)} = h.${ident(name)}`,
  );
  return (
    `NOT EXISTS (SELECT FROM crp.waiting AS w WHERE w.entity = ${literal(entity.name)} ` +
    `AND ${same.join(' AND ')})`
  );
}

/**
 * Forgets the keys, at most `limit`, that have no change after the stamp `$1::bigint` and do not wait. Scans the
 * table, which has what is not stable yet.
 */
export function historyForgetStable(entity: Entity, limit: number): string {
  const keys = columnList(entity.key);
  return (
    `WITH k AS (SELECT ${keys} FROM ${historyOf(entity)} AS h WHERE ${notWaiting(entity)} GROUP BY ${keys} ` +
    `HAVING max(_crp_stamp) <= $1::bigint LIMIT ${limit}) ` +
    `DELETE FROM ${historyOf(entity)} AS h USING k WHERE ${sameKey(entity, 'h', 'k')} ` +
    `AND h._crp_stamp <= $1::bigint`
  );
}

/**
 * The histories of at most `limit` keys that have changes up to the stamp `$1::bigint` and others: the key's
 * texts, then the history's columns, in the order of stamps.
 */
export function historyMixed(entity: Entity, limit: number): string {
  const keys = columnList(entity.key);
  const texts = entity.key.map((name) => `h.${ident(name)}::text`).join(', ');
  return (
    `WITH k AS (SELECT ${keys} FROM ${historyOf(entity)} GROUP BY ${keys} ` +
    `HAVING min(_crp_stamp) FILTER (WHERE NOT _crp_base) <= $1::bigint AND max(_crp_stamp) > $1::bigint ` +
    `LIMIT ${limit}) SELECT ${texts}, ${historyTexts('h')} FROM k JOIN ${historyOf(entity)} AS h ` +
    `ON ${sameKey(entity, 'h', 'k')} ORDER BY h._crp_stamp`
  );
}

/** Deletes what a key's history (`$1`, …) has up to a stamp, the last parameter. */
export function historyTrimmed(entity: Entity): string {
  const stamp = `_crp_stamp <= $${entity.key.length + 1}::bigint`;
  return `DELETE FROM ${historyOf(entity)} WHERE ${keyIsGiven(entity)} AND ${stamp}`;
}

/** The key is that of the parameters `$1`, …, its texts. */
function keyIsGiven(entity: Entity): string {
  return entity.key
    .map((name, index) => `${ident(name)} = $${index + 1}::text::${typeOf(entity, name)}`)
    .join(' AND ');
}

/** The history of one key (`$1`, …, its texts), in the order of stamps. */
export function historyOfKey(entity: Entity): string {
  return (
    `SELECT ${historyTexts('h')} FROM ${historyOf(entity)} AS h WHERE ${keyIsGiven(entity)} ` +
    `ORDER BY h._crp_stamp`
  );
}

/** Forgets the history of keys. */
export function historyForget(entity: Entity): string {
  return `DELETE FROM ${historyOf(entity)} AS h USING ${keyArrays(entity)} WHERE ${keyIs(entity, 'h')}`;
}
