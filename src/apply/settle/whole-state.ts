import type { Client } from 'pg';
import { arrivalConflicts } from '../../merge/arrival.ts';
import { replaySteps } from '../../merge/replay.ts';
import { greatest } from '../../merge/stamps.ts';
import type { Conflict, KeyState } from '../../merge/types.ts';
import type { Entity } from '../../model/ir/ir.ts';
import { historyInsert, historyOfKey } from '../../sql/apply/history-apply.ts';
import { deleteRow } from '../slow/exchange.ts';
import { FunctionCaller } from '../history/function-caller.ts';
import { addStored } from '../history/history-table.ts';
import type { StoredHistory } from '../history/history-table.ts';
import { storedBase } from '../history/history-writer.ts';
import type { RowCodec } from '../rows/row-codec.ts';
import { codecFor, readPhysical } from './settling.ts';
import type { Settling, Target } from './settling.ts';
import { TEXT_TYPES } from '../rows/arrays.ts';
import { image, keyValues, logicalState, texts } from '../slow/waiting.ts';
import type { Image, WaitingRow } from '../slow/waiting.ts';

/** The whole state of a key, and the conflicts of what was written here since it was parked. */
export interface WholeState {
  state: KeyState;
  conflicts: { conflict: Conflict; status: 'resolved' | 'parked' }[];
}

/**
 * What a key that waits is, were nothing in its way: merged from the row that waits and the one in the table, or
 * replayed where the entity keeps history. In the caller's transaction, with both rows locked.
 */
export async function wholeStateOf(
  client: Client,
  target: Target,
  parts: { codec: RowCodec; key: Image; waiting: WaitingRow; physical: KeyState },
): Promise<WholeState> {
  const { codec, key, waiting, physical } = parts;
  const history = await historyOf(client, target.entity, key);
  if (history === undefined) {
    const { state, conflicts } = logicalState(codec, target.policy, { waiting, physical });
    return { state, conflicts: conflicts.map((conflict) => ({ conflict, status: 'resolved' })) };
  }
  const parked = codec.version(texts(codec.shape.columns, waiting.row));
  const newest = greatest([parked.birth, ...parked.stamps]);
  const [known, arrived] = [true, false].map((old) =>
    history.changes.filter(({ stamp }) => stamp <= newest === old),
  );
  const old = { ...history, changes: known! };
  const functions = new FunctionCaller(client);
  const before = await functions.run(replaySteps(target.policy, old));
  const now = await functions.run(replaySteps(target.policy, history));
  const conflicts = arrivalConflicts(target.policy, { old, arrived: arrived!, before, now });
  return {
    state: now.state,
    conflicts: conflicts.map((one) => {
      const { of: _of, met: _met, parked: isParked, ...conflict } = one;
      return { conflict, status: isParked ? 'parked' : 'resolved' };
    }),
  };
}

/** What is recorded of one key; undefined where nothing is, or the entity keeps none. */
async function historyOf(
  client: Client,
  entity: Entity,
  key: Image,
): Promise<StoredHistory | undefined> {
  if (entity.history === undefined) return undefined;
  const { rows } = await client.query<(string | null)[]>({
    ...{ text: historyOfKey(entity), values: keyValues(entity, key) },
    ...{ rowMode: 'array' as const, types: TEXT_TYPES },
  });
  if (rows.length === 0) return undefined;
  const history: StoredHistory = { changes: [] };
  for (const row of rows) addStored(history, row);
  return history;
}

/**
 * Takes a row out of its table, without a tombstone, because it is to wait. Its key is free for services then: what they
 * insert is to be later than the row, also if the clock was set back since a service wrote it here. Where histories are
 * kept the row itself is what a replay of its key begins with as long as nothing is recorded of it, so it is recorded
 * first.
 */
export async function takeOut(
  { options }: Settling,
  client: Client,
  { target, codec, row }: { target: Target; codec: RowCodec; row: readonly (string | null)[] },
): Promise<void> {
  const { entity } = target;
  const { birth, stamps } = codec.version(row);
  await options.follow(greatest([birth, ...stamps]));
  if (entity.history !== undefined) {
    await keepBase(client, target, image(codec.shape.columns, row));
  }
  await deleteRow(client, codec, row);
}

async function keepBase(client: Client, target: Target, key: Image): Promise<void> {
  const { entity } = target;
  const physical = await readPhysical(client, codecFor(target), key);
  const { row } = physical.state;
  if (row === undefined || (await historyOf(client, entity, key)) !== undefined) return;
  const stamp = greatest([row.birth, ...row.stamps]);
  const base = storedBase(keyValues(entity, key), physical.state, stamp);
  await client.query(historyInsert(entity), [JSON.stringify([base])]);
}
