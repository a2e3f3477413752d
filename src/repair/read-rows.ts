import type { Client } from 'pg';
import { TEXT_TYPES } from '../apply/rows/arrays.ts';
import { valueColumns } from '../merge/policy.ts';
import type { Entity, Model } from '../model/ir/ir.ts';
import { withConnection } from '../postgres/connect.ts';
import { ident } from '../model/ir/names.ts';
import { bucketStatement, FETCH_KEYS, keyCursor, stateStatement } from '../sql/checks/verify.ts';
import type { BucketDigest } from './protocol.ts';
import type { ComparedRow, Key, SiteState } from './state.ts';

/** Runs `work` on one snapshot of the site's database, with texts that do not depend on its settings. */
export async function withSnapshot<T>(
  dsn: string,
  models: readonly Model[],
  work: (client: Client) => Promise<T>,
): Promise<T> {
  return withConnection(dsn, 'syncline verify', async (client) => {
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
    const schemas = [...new Set(models.map((model) => model.schema)), 'public'];
    await client.query(
      `SET LOCAL search_path = ${schemas.map(ident).join(', ')}; SET LOCAL jit = off`,
    );
    const result = await work(client);
    await client.query('COMMIT');
    return result;
  });
}

/** Rows and hash of every bucket that is not empty. Reads the whole table. */
export async function readBuckets(client: Client, entity: Entity): Promise<BucketDigest[]> {
  const { rows } = await client.query<{ bucket: number; rows: string; hash: string }>(
    bucketStatement(entity),
  );
  return rows.map(({ bucket, rows: count, hash }) => [bucket, Number(count), hash]);
}

/** Hash and key of every row of some buckets, a few thousand at a time. Reads the whole table. */
export async function* readKeys(
  client: Client,
  entity: Entity,
  buckets: readonly number[],
): AsyncGenerator<[hash: string, ...key: string[]][]> {
  await client.query(keyCursor(entity), [buckets]);
  for (;;) {
    const { rows } = await client.query<[string, ...string[]]>({
      text: FETCH_KEYS,
      rowMode: 'array',
    });
    if (rows.length === 0) return;
    yield rows;
  }
}

export interface StateQuery {
  site: number;
  keys: readonly Key[];
  /** With the values of all columns, not only their hashes. */
  values: boolean;
  /** Keeps rows and tombstones as they are until the transaction ends. */
  lock?: boolean;
}

/** What the site knows of some keys, in their order. */
export async function readStates(
  client: Client,
  entity: Entity,
  query: StateQuery,
): Promise<SiteState[]> {
  const values = query.values ? valueColumns(entity).map((column) => column.name) : [];
  const { rows } = await client.query<(string | null)[]>({
    text: stateStatement(entity, { values, lock: query.lock === true }),
    values: entity.key.map((_, place) => query.keys.map((key) => key[place])),
    rowMode: 'array',
    types: TEXT_TYPES,
  });
  return rows.map((texts) => stateOf(query.site, entity, texts));
}

/** Reads one row of the result of `stateStatement`. */
function stateOf(site: number, entity: Entity, texts: readonly (string | null)[]): SiteState {
  const groups = entity.groups.length;
  const expires = entity.expires === undefined ? undefined : texts.at(-1);
  const [found, bytes, birth, ...rest] = entity.expires === undefined ? texts : texts.slice(0, -1);
  const stamps = rest.slice(0, groups);
  const hashes = rest.slice(groups, 2 * groups);
  const [deadBirth, deadStamp, ...values] = rest.slice(2 * groups);
  const state: SiteState = { site };
  if (found === 'true') {
    const row: ComparedRow = {
      birth: BigInt(birth!),
      stamps: stamps.map((stamp) => BigInt(stamp!)),
      hashes: hashes.map((hash) => hash!),
      ...{ bytes: Number(bytes), values },
      ...(typeof expires === 'string' ? { expires } : {}),
    };
    state.row = row;
  }
  if (deadBirth !== null && deadBirth !== undefined) {
    state.tombstone = { birth: BigInt(deadBirth), stamp: BigInt(deadStamp!) };
  }
  return state;
}
