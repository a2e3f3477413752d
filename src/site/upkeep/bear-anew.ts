import type { Client } from 'pg';
import { BIRTH_COLUMN } from '../../model/ir/ir.ts';
import type { Entity } from '../../model/ir/ir.ts';
import { ident, quoteLiteral } from '../../model/ir/names.ts';
import { STAMP_NOW } from '../../sql/ddl/stamp-clock.ts';
import { isKey } from '../../sql/ddl/waiting-ddl.ts';
import { BIRTH, columnList, tableOf, tombstoneOf } from '../../sql/names/apply-names.ts';

const KEPT = 'pg_temp.crp_kept';
const WAITING = `SELECT row FROM crp.waiting WHERE entity = $1 AND ${isKey('key', '$2::jsonb')} FOR UPDATE`;
const COLUMNS = `
  SELECT attname::text AS name FROM pg_attribute
  WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = '' AND attname NOT LIKE '\\_crp\\_%'`;

/**
 * Of a key whose waiting row was inserted after the one in the table: deletes both and inserts the latter again, so that
 * what is decided about it counts. A write over the older row would not: a later insert takes the whole row's place
 * (docs/convergence.md), and waits again, for ever. To foreign keys, and triggers of services that are for deletes, the row
 * stays where it is. In the caller's transaction; without effect for a key that does not wait so, for entities that keep
 * history and for those with bounded counters.
 *
 * @returns whether the row was inserted again
 */
export async function bearAnew(client: Client, entity: Entity, key: object): Promise<boolean> {
  if (entity.history !== undefined || entity.counters !== undefined) return false;
  const { rows } = await client.query<{ row: Record<string, string | null> }>(WAITING, [
    ...[entity.name, JSON.stringify(key)],
  ]);
  const waiting = rows[0]?.row;
  const birth = waiting?.[BIRTH_COLUMN];
  if (waiting === undefined || birth === undefined || birth === null) return false;
  const table = tableOf(entity);
  const where = `${sameAs(entity, 't')} AND t.${BIRTH} < $2::bigint`;
  const values = [JSON.stringify(key), birth];
  const older = await client.query(`SELECT FROM ${table} AS t WHERE ${where} FOR UPDATE`, values);
  if (older.rowCount === 0) return false;
  await bury(client, entity, { values, stamps: stampsOf(entity, waiting) });
  // As a replica: there is no moment without the row.
  await client.query('SET LOCAL session_replication_role = replica');
  await client.query(`CREATE TEMPORARY TABLE crp_kept (LIKE ${table}) ON COMMIT DROP`);
  await client.query(
    `WITH gone AS (DELETE FROM ${table} AS t WHERE ${where} RETURNING t.*) INSERT INTO ${KEPT} SELECT * FROM gone`,
    values,
  );
  await client.query('SET LOCAL session_replication_role = origin');
  const columns = await client.query<{ name: string }>(COLUMNS, [table]);
  const names = columnList(columns.rows.map(({ name }) => name));
  await client.query(
    `INSERT INTO ${table} (${names}) OVERRIDING SYSTEM VALUE SELECT ${names} FROM ${KEPT}`,
  );
  return true;
}

/** Before the delete, so that the WAL has the tombstone first (trigger-ddl.ts). It is also that of the row that waits. */
async function bury(
  client: Client,
  entity: Entity,
  { values, stamps }: { values: readonly string[]; stamps: readonly string[] },
): Promise<void> {
  const keys = columnList(entity.key);
  const after = `(SELECT (max(one) >> 11) + 1 FROM unnest($3::bigint[]) AS one)`;
  await client.query(
    `INSERT INTO ${tombstoneOf(entity)} AS x (${keys}, birth, stamp) ` +
      `SELECT ${entity.key.map((name) => valueOf(entity, name)).join(', ')}, $2::bigint, ` +
      `(greatest(${STAMP_NOW}, ${after}) << 11) | number FROM crp.site ` +
      `ON CONFLICT (${keys}) DO UPDATE SET birth = greatest(x.birth, excluded.birth), ` +
      `stamp = greatest(x.stamp, excluded.stamp)`,
    [...values, stamps],
  );
}

function stampsOf(entity: Entity, row: Record<string, string | null>): string[] {
  const names = [BIRTH_COLUMN, ...entity.groups.map(({ stamp }) => stamp)];
  return names.map((name) => row[name] ?? '0');
}

/** Condition that the row `alias` has the key that `$1` is as JSON. */
export function sameAs(entity: Entity, alias: string): string {
  return entity.key
    .map((name) => `${alias}.${ident(name)} = ${valueOf(entity, name)}`)
    .join(' AND ');
}

function valueOf(entity: Entity, name: string): string {
  const { type } = entity.columns.find((one) => one.name === name)!;
  return `($1::jsonb ->> ${quoteLiteral(name)})::${type}`;
}
