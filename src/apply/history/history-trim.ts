import type { Client } from 'pg';
import { trimSteps } from '../../merge/history.ts';
import { policyOf } from '../../merge/policy.ts';
import type { MergePolicy, SiteNames, Stamp } from '../../merge/types.ts';
import type { Entity } from '../../model/ir/ir.ts';
import {
  historyForgetStable,
  historyInsert,
  historyMixed,
  historyTrimmed,
} from '../../sql/apply/history-apply.ts';
import { FunctionCaller } from './function-caller.ts';
import { addStored } from './history-table.ts';
import type { StoredHistory } from './history-table.ts';
import { storedBase } from './history-writer.ts';
import { TEXT_TYPES } from '../rows/arrays.ts';

/** Keys that one statement forgets, and keys that are replayed at a time: bound memory and locks. */
const FORGET = 10_000;
const REPLAY = 200;

type Texts = (string | null)[];

/**
 * Takes what is stable out of the history of an entity: keys of which nothing else is left are forgotten, of
 * the others the stable changes become one base. Each key in one statement or transaction, so that whoever
 * reads a history finds it whole; no locks, since what is replayed stays the same.
 *
 * @param client a session under a replication origin: every site does this by itself
 * @param stable every site has all changes up to this stamp, and none that was made without them is to come
 * @returns number of changes that are gone
 */
export async function trimHistory(
  client: Client,
  entity: Entity,
  options: { stable: Stamp; names: SiteNames },
): Promise<number> {
  if (entity.history === undefined) return 0;
  const { stable, names } = options;
  let gone = 0;
  const forget = historyForgetStable(entity, FORGET);
  for (let taken = 1; taken > 0; gone += taken) {
    taken = (await client.query(forget, [stable])).rowCount ?? 0;
  }
  const policy = policyOf(entity, names);
  for (;;) {
    const keys = await mixedKeys(client, entity, stable);
    let trimmed = 0;
    for (const one of keys) trimmed += await trimKey(client, entity, { ...one, stable, policy });
    gone += trimmed;
    if (keys.length < REPLAY || trimmed === 0) return gone;
  }
}

interface MixedKey {
  key: Texts;
  history: StoredHistory;
}

/** Keys with stable changes and others, with their histories. */
async function mixedKeys(client: Client, entity: Entity, stable: Stamp): Promise<MixedKey[]> {
  const { rows } = await client.query<Texts>({
    ...{ text: historyMixed(entity, REPLAY), values: [stable] },
    ...{ rowMode: 'array' as const, types: TEXT_TYPES },
  });
  const found = new Map<string, MixedKey>();
  const width = entity.key.length;
  for (const row of rows) {
    const key = row.slice(0, width);
    const token = JSON.stringify(key);
    const one = found.get(token) ?? { key, history: { changes: [] } };
    addStored(one.history, row.slice(width));
    found.set(token, one);
  }
  return [...found.values()];
}

async function trimKey(
  client: Client,
  entity: Entity,
  work: MixedKey & { stable: Stamp; policy: MergePolicy },
): Promise<number> {
  const { key, history, stable, policy } = work;
  const old = history.changes.filter(({ stamp }) => stamp <= stable);
  const newest = old.at(-1)!.stamp;
  const rows = old.length + (history.base === undefined ? 0 : 1);
  await client.query('BEGIN');
  try {
    const left = await new FunctionCaller(client).run(trimSteps(policy, history, stable));
    const isTrimmed =
      left !== history &&
      (await client.query(historyTrimmed(entity), [...key, newest])).rowCount === rows;
    if (!isTrimmed) {
      // It cannot be shorter yet, or repair has forgotten the key meanwhile.
      await client.query('ROLLBACK');
      return 0;
    }
    const base = storedBase(key, left!.base!, newest);
    await client.query(historyInsert(entity), [JSON.stringify([base])]);
    await client.query('COMMIT');
    return rows - 1;
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined);
    throw error;
  }
}
