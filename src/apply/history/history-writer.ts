import type { Client } from 'pg';
import type { Entity } from '../../model/ir/ir.ts';
import type { KeyState, Recorded, ReplayBase, RowVersion } from '../../merge/types.ts';
import { slowDelete, slowInsert, slowUpdate } from '../../sql/apply/apply-slow.ts';
import {
  historyInsert,
  historyNoTombstone,
  historyTombstone,
  historyUnchanged,
} from '../../sql/apply/history-apply.ts';
import { runArrays } from '../rows/arrays.ts';
import { sameVersion } from './history-plain.ts';
import type { KeyChanges } from './history-table.ts';
import { isIntegrityViolation, violationOf } from '../rows/integrity.ts';
import type { Violation } from '../rows/integrity.ts';
import type { RowCodec } from '../rows/row-codec.ts';

const UNDO = 'ROLLBACK TO SAVEPOINT crp_history; RELEASE SAVEPOINT crp_history';

/** What has to be written of one key. */
export interface KeyWrite {
  key: KeyChanges;
  recorded: Recorded[];
  state: KeyState;
}

export interface KeysWritten {
  /** Somebody inserted the key meanwhile, or inserted and deleted it: it has to be read and replayed again. */
  again: Set<KeyWrite>;
  /** A constraint of this site forbids the row. The changes are recorded, and what the row was stays in the table. */
  forbidden: Map<KeyWrite, Violation>;
}

type Texts = readonly (string | null)[];
type Outcome = 'done' | 'again' | { forbidden: Violation };

/** Writes rows, tombstones and histories of keys, in the caller's transaction. */
export class HistoryWriter {
  readonly #client: Client;

  constructor(client: Client) {
    this.#client = client;
  }

  /** All keys at once; if that does not go, each stands or falls alone. @throws the database's error */
  async write(codec: RowCodec, writes: readonly KeyWrite[]): Promise<KeysWritten> {
    const written: KeysWritten = { again: new Set(), forbidden: new Map() };
    if (writes.length === 0 || (await this.#try(codec, writes)) === 'done') return written;
    for (const write of writes) {
      const outcome = await this.#try(codec, [write]);
      if (outcome === 'done') continue;
      if (outcome === 'again') written.again.add(write);
      else {
        await this.#record(codec, [write]);
        await this.#tombstones(codec, [write]);
        await this.#ended(codec, write);
        if (write.state.row !== undefined) written.forbidden.set(write, outcome.forbidden);
      }
    }
    return written;
  }

  async #try(codec: RowCodec, writes: readonly KeyWrite[]): Promise<Outcome> {
    await this.#client.query('SAVEPOINT crp_history');
    try {
      await this.#record(codec, writes);
      await this.#tombstones(codec, writes);
      if (await this.#rows(codec, writes)) {
        await this.#client.query('RELEASE SAVEPOINT crp_history');
        return 'done';
      }
      await this.#client.query(UNDO);
      return 'again';
    } catch (error) {
      if (!isIntegrityViolation(error)) throw error;
      await this.#client.query(UNDO);
      return { forbidden: violationOf(error) };
    }
  }

  async #record(codec: RowCodec, writes: readonly KeyWrite[]): Promise<void> {
    const rows = writes.flatMap(({ key, recorded }) =>
      recorded.map((one) => storedChange(keyTexts(codec, key), one)),
    );
    if (rows.length === 0) return;
    await this.#client.query(historyInsert(codec.shape.entity), [JSON.stringify(rows)]);
  }

  #tombstones(codec: RowCodec, writes: readonly KeyWrite[]): Promise<void> {
    const changes = writes.map(({ key, state }) => {
      const { tombstone: own } = key.state;
      return { key: keyTexts(codec, key), own, wanted: state.tombstone };
    });
    return writeTombstones(this.#client, codec.shape.entity, changes);
  }

  /** Takes away a row that is not what the key is now: deleted, or an older incarnation of what is forbidden. */
  async #ended(codec: RowCodec, { key, state }: KeyWrite): Promise<void> {
    const own = key.state.row;
    if (own === undefined || own.birth === state.row?.birth) return;
    await runArrays(this.#client, slowDelete(codec.shape), [codec.key(key.rows[0]!.key)]);
  }

  /**
   * False if a key came into being meanwhile, or came and went. A key that had no row and has none again, although
   * one of its changes inserted it, is inserted and deleted here too: the primary key then makes us wait for a local
   * transaction that inserts it, or that one wait for us.
   */
  async #rows(codec: RowCodec, writes: readonly KeyWrite[]): Promise<boolean> {
    const { shape } = codec;
    const { made, makers, changed, deleted, passing } = sorted(codec, writes);
    const known = makers.map((write) => whatWasKnown(codec, write));
    await runArrays(this.#client, slowDelete(shape), deleted);
    return (
      (await runArrays(this.#client, slowUpdate(shape), changed)) &&
      (await runArrays(this.#client, slowInsert(shape), made)) &&
      // A local transaction for which that had to wait, and which deleted what it inserted, has recorded both.
      (await runArrays(this.#client, historyUnchanged(shape.entity), known)) &&
      (await runArrays(this.#client, slowDelete(shape), passing))
    );
  }
}

/** A key as `historyUnchanged` takes it. */
function whatWasKnown(codec: RowCodec, { key, recorded }: KeyWrite): Texts {
  const own = recorded.map(({ stamp }) => stamp);
  return [...keyTexts(codec, key), `${key.ownNewest}`, `{${own.join()}}`];
}

/** The rows of keys by what has to be done. `makers`: those of `made`; `passing`: keys of rows that are made first. */
interface Sorted {
  made: Texts[];
  makers: KeyWrite[];
  changed: Texts[];
  deleted: Texts[];
  passing: Texts[];
}

function sorted(codec: RowCodec, writes: readonly KeyWrite[]): Sorted {
  const result: Sorted = { made: [], makers: [], changed: [], deleted: [], passing: [] };
  const make = (write: KeyWrite, row: Texts): void => {
    result.made.push(row);
    result.makers.push(write);
  };
  for (const write of writes) {
    const { key, state, recorded } = write;
    const source = key.rows[0]!.key;
    const texts = (version: RowVersion): Texts => codec.texts(version, source);
    const [own, wanted] = [key.state.row, state.row];
    if (wanted !== undefined) {
      if (own === undefined) make(write, texts(wanted));
      else if (!sameVersion(own, wanted)) result.changed.push(texts(wanted));
    } else if (own !== undefined) result.deleted.push(codec.key(source));
    else {
      const passed = recorded.findLast(({ change }) => change.after !== undefined)?.change.after;
      if (passed === undefined) continue;
      make(write, texts(passed));
      result.passing.push(codec.key(source));
    }
  }
  return result;
}

/** Of a key: the tombstone that it has here and the one that it is to have. */
export interface TombstoneChange {
  key: Texts;
  own: KeyState['tombstone'];
  wanted: KeyState['tombstone'];
}

/** Writes tombstones as replay gives them: a row that came back may have an older one, or none. */
export async function writeTombstones(
  client: Client,
  entity: Entity,
  changes: readonly TombstoneChange[],
): Promise<void> {
  const set: Texts[] = [];
  const gone: Texts[] = [];
  for (const { key, own, wanted } of changes) {
    if (own?.birth === wanted?.birth && own?.stamp === wanted?.stamp) continue;
    if (wanted === undefined) gone.push(key);
    else set.push([...key, `${wanted.birth}`, `${wanted.stamp}`]);
  }
  await runArrays(client, historyTombstone(entity), set);
  await runArrays(client, historyNoTombstone(entity), gone);
}

/** The key's texts in its own order. */
function keyTexts({ shape }: RowCodec, key: KeyChanges): (string | null)[] {
  const texts = key.rows[0]!.key;
  return shape.entity.key.map(
    (name) => texts[shape.columns.findIndex((column) => column.name === name)] ?? null,
  );
}

/** A change as `historyInsert` takes it. */
function storedChange(key: Texts, { change, stamp }: Recorded): object {
  const { before, after, deleted } = change;
  return { ...stored(key, stamp, false), ...images({ before, after, tombstone: deleted }) };
}

/** A base as `historyInsert` takes it; its stamp is that of the last change in it. */
export function storedBase(key: Texts, base: ReplayBase, stamp: bigint): object {
  const { row, tombstone, last } = base;
  return { ...stored(key, stamp, true), ...images({ before: last, after: row, tombstone }) };
}

function stored(key: Texts, stamp: bigint, base: boolean): object {
  const keys = Object.fromEntries(key.map((text, index) => [`k${index}`, text]));
  return { ...keys, _crp_stamp: `${stamp}`, _crp_base: base };
}

function images(parts: {
  before: RowVersion | undefined;
  after: RowVersion | undefined;
  tombstone: KeyState['tombstone'];
}): object {
  const { before, after, tombstone } = parts;
  return {
    _crp_old_birth: before?.birth.toString() ?? null,
    _crp_old_stamps: before?.stamps.map(String) ?? null,
    _crp_old_values: before?.values ?? null,
    _crp_birth: after?.birth.toString() ?? null,
    _crp_stamps: after?.stamps.map(String) ?? null,
    _crp_values: after?.values ?? null,
    _crp_dead_birth: tombstone?.birth.toString() ?? null,
    _crp_dead_stamp: tombstone?.stamp.toString() ?? null,
  };
}
