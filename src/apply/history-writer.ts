import type { Client } from 'pg';
import type { KeyState, Recorded, ReplayBase, RowVersion } from '../merge/types.ts';
import { slowDelete, slowInsert, slowUpdate } from '../sql/apply-slow.ts';
import { historyInsert, historyNoTombstone, historyTombstone } from '../sql/history-apply.ts';
import { sameVersion } from './history-plain.ts';
import type { KeyChanges } from './history-table.ts';
import { isIntegrityViolation } from './integrity.ts';
import type { RowCodec } from './row-codec.ts';

const UNDO = 'ROLLBACK TO SAVEPOINT crp_history; RELEASE SAVEPOINT crp_history';

/** What has to be written of one key. */
export interface KeyWrite {
  key: KeyChanges;
  recorded: Recorded[];
  state: KeyState;
}

export interface KeysWritten {
  /** Somebody inserted the key meanwhile: it has to be read and replayed again. */
  again: Set<KeyWrite>;
  /** A constraint of this site forbids the row, with the database's message. The changes are recorded. */
  parked: Map<KeyWrite, string>;
}

type Texts = readonly (string | null)[];
type Outcome = 'done' | 'again' | { forbidden: string };

/** Writes rows, tombstones and histories of keys, in the caller's transaction. */
export class HistoryWriter {
  readonly #client: Client;

  constructor(client: Client) {
    this.#client = client;
  }

  /** All keys at once; if that does not go, each stands or falls alone. @throws the database's error */
  async write(codec: RowCodec, writes: readonly KeyWrite[]): Promise<KeysWritten> {
    const written: KeysWritten = { again: new Set(), parked: new Map() };
    if (writes.length === 0 || (await this.#try(codec, writes)) === 'done') return written;
    for (const write of writes) {
      const outcome = await this.#try(codec, [write]);
      if (outcome === 'done') continue;
      if (outcome === 'again') written.again.add(write);
      else {
        await this.#record(codec, [write]);
        written.parked.set(write, outcome.forbidden);
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
      return { forbidden: (error as Error).message };
    }
  }

  async #record(codec: RowCodec, writes: readonly KeyWrite[]): Promise<void> {
    const rows = writes.flatMap(({ key, recorded }) =>
      recorded.map((one) => storedChange(keyTexts(codec, key), one)),
    );
    if (rows.length === 0) return;
    await this.#client.query(historyInsert(codec.shape.entity), [JSON.stringify(rows)]);
  }

  async #tombstones(codec: RowCodec, writes: readonly KeyWrite[]): Promise<void> {
    const { entity } = codec.shape;
    const changed = writes.filter(({ key, state }) => {
      const [own, wanted] = [key.state.tombstone, state.tombstone];
      return own?.birth !== wanted?.birth || own?.stamp !== wanted?.stamp;
    });
    const set: Texts[] = [];
    const gone: Texts[] = [];
    for (const { key, state } of changed) {
      const texts = keyTexts(codec, key);
      const { tombstone } = state;
      if (tombstone === undefined) gone.push(texts);
      else set.push([...texts, `${tombstone.birth}`, `${tombstone.stamp}`]);
    }
    await this.#run(historyTombstone(entity), set);
    await this.#run(historyNoTombstone(entity), gone);
  }

  /**
   * False if a key came into being meanwhile. A key that had no row and has none again, although one of its
   * changes inserted it, is inserted and deleted here too: the primary key then makes us wait for a local
   * transaction that inserts it, or that one wait for us.
   */
  async #rows(codec: RowCodec, writes: readonly KeyWrite[]): Promise<boolean> {
    const { shape } = codec;
    const made: Texts[] = [];
    const changed: Texts[] = [];
    const deleted: Texts[] = [];
    const passing: Texts[] = [];
    for (const { key, state, recorded } of writes) {
      const source = key.rows[0]!.key;
      const texts = (version: RowVersion): Texts => codec.texts(version, source);
      const [own, wanted] = [key.state.row, state.row];
      if (wanted !== undefined) {
        if (own === undefined) made.push(texts(wanted));
        else if (!sameVersion(own, wanted)) changed.push(texts(wanted));
      } else if (own !== undefined) deleted.push(codec.key(source));
      else {
        const passed = recorded.findLast(({ change }) => change.after !== undefined)?.change.after;
        if (passed === undefined) continue;
        made.push(texts(passed));
        passing.push(codec.key(source));
      }
    }
    await this.#run(slowDelete(shape), deleted);
    return (
      (await this.#run(slowUpdate(shape), changed)) &&
      (await this.#run(slowInsert(shape), made)) &&
      (await this.#run(slowDelete(shape), passing))
    );
  }

  /** Runs a statement whose parameters are one array a column. True if it took all rows. */
  async #run(text: string, rows: readonly Texts[]): Promise<boolean> {
    if (rows.length === 0) return true;
    const columns = rows[0]!.map((_, column) => rows.map((row) => row[column] ?? null));
    const result = await this.#client.query(text, columns);
    return result.rowCount === rows.length;
  }
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
