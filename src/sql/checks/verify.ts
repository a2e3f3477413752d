import { BIRTH_COLUMN, mergedColumns } from '../../model/ir/ir.ts';
import type { Entity } from '../../model/ir/ir.ts';
import { ident } from '../../model/ir/names.ts';
import { columnList, tableOf, tombstoneOf } from '../names/apply-names.ts';
import { expiredAt, expiryMicros } from '../ddl/expiry-sql.ts';
import { shippedNames } from '../names/shape.ts';

/*
 * Statements of the comparison between sites. Rows are hashed in their text form, which the settings of our sessions
 * (postgres/session-settings.ts) make the same at every site and in every version of PostgreSQL. Keys are dealt into buckets by
 * their hash and not into ranges: sites may sort texts differently (other versions of the C library do).
 */

/** Buckets that an entity's keys are dealt into: the first 12 bits of the MD5 of the key. */
export const BUCKETS = 4096;

/** Rows that expire within this time are not compared. */
export const EXPIRY_MARGIN_SECONDS = 60;

/** Rows that one FETCH brings: bounds the memory of the site that answers. */
export const FETCH_ROWS = 2000;

function rowText(columns: readonly string[], alias: string): string {
  return columns.length === 0 ? `''` : `ROW(${columnList(columns, alias)})::text`;
}

function bucketOf(entity: Entity): string {
  return `('x' || left(md5(${rowText(entity.key, 'e')}), 3))::bit(12)::integer`;
}

/**
 * Rows that expire are removed by each site by itself, at its time. Those that have at most so long are not
 * compared; by the site's own clock, which is close enough to tell where to look.
 */
function lasting(entity: Entity, begin: ' WHERE' | ' AND'): string {
  if (entity.expires === undefined) return '';
  const over = expiredAt(entity, 'e', `(now() + interval '${EXPIRY_MARGIN_SECONDS} seconds')`);
  return `${begin} (${over}) IS NOT TRUE`;
}

/**
 * Rows and hash of every bucket. The rows' hashes (64 bits of MD5: against accidents, not against
 * somebody who wants two tables to look equal) are added up, not concatenated: a sequential scan and a
 * hash aggregate of at most `BUCKETS` groups, no sort, no index.
 */
export function bucketStatement(entity: Entity): string {
  const row = rowText(shippedNames(entity), 'e');
  return (
    `SELECT ${bucketOf(entity)} AS bucket, count(*) AS rows, ` +
    `sum(('x' || left(md5(${row}), 16))::bit(64)::bigint) AS hash ` +
    `FROM ${tableOf(entity)} AS e${lasting(entity, ' WHERE')} GROUP BY 1`
  );
}

/**
 * Cursor over the keys of some buckets (`$1::integer[]`), each with the MD5 of its row. A sequential
 * scan: no index knows the hash of a key.
 */
export function keyCursor(entity: Entity): string {
  const keys = entity.key.map((key) => `e.${ident(key)}::text`);
  return (
    `DECLARE crp_keys NO SCROLL CURSOR FOR SELECT md5(${rowText(shippedNames(entity), 'e')}), ` +
    `${keys.join(', ')} FROM ${tableOf(entity)} AS e WHERE ${bucketOf(entity)} = ANY ($1::integer[])${lasting(entity, ' AND')}`
  );
}

/** The next rows of that cursor. */
export const FETCH_KEYS = `FETCH ${FETCH_ROWS} FROM crp_keys`;

export interface StateOptions {
  /** Columns whose values are told after the hashes; none to compare, all to mend. */
  values: readonly string[];
  /** Locks row and tombstone until the transaction's end. */
  lock: boolean;
}

/**
 * What a site knows of some keys, in the order of the parameters (one text array a key column). Result, all
 * text: whether there is a row, its length, birth, stamps, the MD5 of each group's values; birth and stamp
 * of the tombstone; values; when it expires (entities with an expiry only), µs since 1970. By the primary keys of the entity and of its tombstone table.
 */
export function stateStatement(entity: Entity, { values, lock }: StateOptions): string {
  const columns = shippedNames(entity);
  const stamps = [BIRTH_COLUMN, ...entity.groups.map((group) => group.stamp)];
  const hashes = entity.groups.map((group) => `md5(${rowText(mergedColumns(group), 'e')})`);
  const result = [
    `(e.${ident(BIRTH_COLUMN)} IS NOT NULL)::text`,
    `octet_length(${rowText(columns, 'e')})::text`,
    ...stamps.map((stamp) => `e.${ident(stamp)}::text`),
    ...hashes,
    ...['t.birth::text', 't.stamp::text'],
    ...values.map((column) => `e.${ident(column)}::text`),
    ...(entity.expires === undefined ? [] : [expiryMicros(entity.expires, 'e')]),
  ];
  const arrays = entity.key.map((_, index) => `$${index + 1}::text[]`);
  const one = (from: string): string =>
    `LEFT JOIN LATERAL (SELECT x.* FROM ${from} AS x WHERE ${castKey(entity, 'x')}${lock ? ' FOR UPDATE' : ''})`;
  return (
    `SELECT ${result.join(', ')} ` +
    `FROM unnest(${arrays.join(', ')}) WITH ORDINALITY AS v(${columnList(entity.key)}, _crp_i) ` +
    `${one(tableOf(entity))} AS e ON true ${one(tombstoneOf(entity))} AS t ON true ORDER BY v._crp_i`
  );
}

function castKey(entity: Entity, alias: string): string {
  return entity.key
    .map((key) => {
      const { type } = entity.columns.find((column) => column.name === key)!;
      return `${alias}.${ident(key)} = v.${ident(key)}::${type}`;
    })
    .join(' AND ');
}

/** Columns of a table (`$1` schema, `$2` name) that can be written; generated ones are PostgreSQL's own. */
export const WRITABLE_COLUMNS = `
  SELECT a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type
  FROM pg_attribute AS a
  WHERE a.attrelid = to_regclass(format('%I.%I', $1::text, $2::text))
    AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
  ORDER BY a.attnum`;

/**
 * End of the WAL, by which every transaction that is visible now has committed. Right behind a page's
 * header (24 or 40 bytes) nothing can have been written yet, and the walsender counts up to the page only.
 */
export const WAL_END = `
  SELECT (w - CASE WHEN w % 8192 <= 40 THEN w % 8192 ELSE 0 END)::text AS position
  FROM (SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn AS w) AS x`;

/** Whether capture has everything up to `$2::numeric` in the journal; by the slot `$1`. */
export const CAPTURED = `
  SELECT confirmed_flush_lsn - '0/0'::pg_lsn >= $2::numeric AS captured
  FROM pg_replication_slots WHERE slot_name = $1`;
