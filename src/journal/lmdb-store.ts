import type { Database, RootDatabase } from 'lmdb';
import { commitsStream, readBatch } from './batch.ts';
import type { Batch, Chunk } from './journal.ts';
import {
  batchRange,
  chunkKey,
  chunkRange,
  commitKey,
  positionOfKey,
  streamOfKey,
} from './journal-keys.ts';
import { refused } from './lmdb-error.ts';
import { roomFor, SMALL } from './room.ts';
import type { Room } from './room.ts';
import { checkWhole, noteOf, sizeIn } from './noted.ts';
import type { Noted } from './noted.ts';
import { trimStep } from './trim-step.ts';
import { joinWrites, sizeOf } from './writes.ts';
import type { Stream, Write } from './writes.ts';

/** What the journal has on disk: batches, chunks, their sizes and checksums, and notes. */
export class LmdbStore {
  readonly #root: RootDatabase;
  readonly #batches: Database<Buffer, Buffer>;
  readonly #chunks: Database<Buffer, Buffer>;
  /** By the key of each batch and chunk; sizes apart make statistics cheap to rebuild. */
  readonly #sizes: Database<Noted, Buffer>;
  readonly #notes: Database<string, string>;
  readonly #room: Room;
  #bytes = 0;
  #count = 0;

  constructor(root: RootDatabase, room: Room) {
    this.#root = root;
    this.#room = room;
    const binary = { keyEncoding: 'binary', encoding: 'binary' } as const;
    this.#batches = root.openDB({ name: 'batches', ...binary });
    this.#chunks = root.openDB({ name: 'chunks', ...binary });
    this.#sizes = root.openDB({ name: 'sizes', keyEncoding: 'binary', encoding: 'json' });
    this.#notes = root.openDB({ name: 'notes', encoding: 'json' });
  }

  /** Bytes of all batches and chunks, those included that are expected. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Number of batches. */
  get count(): number {
    return this.#count;
  }

  /** Counts what is about to be written. */
  expect(bytes: number): void {
    this.#bytes += bytes;
  }

  /** Counts what is there; the end of every batch by origin, in order, and where the first one of an origin begins. */
  *load(): Iterable<{ origin: number; position: bigint; previous: () => bigint }> {
    for (const { key, value } of this.#sizes.getRange({})) {
      this.#bytes += sizeIn(value);
      if (key[0] !== 0) continue;
      this.#count += 1;
      const position = positionOfKey(key);
      const previous = (): bigint => this.#batches.get(key)?.readBigUInt64BE(11) ?? position;
      yield { origin: key.readUInt16BE(1), position, previous };
    }
  }

  /**
   * Removes the chunks of transactions that were in progress when the agent ended: their origin sends
   * them from the beginning again, if they are not rolled back.
   *
   * @returns the transactions whose commit is here
   * @throws AppError JOURNAL_FULL
   */
  collectStreams(): Stream[] {
    const committed: Stream[] = [];
    let start: Buffer = chunkKey({ origin: 0, xid: 0, number: 0 });
    for (;;) {
      const [key] = this.#chunks.getKeys({ start, limit: 1 });
      if (key === undefined) return committed;
      const stream = streamOfKey(key);
      const last = commitKey(stream.origin, stream.xid);
      start = Buffer.concat([last, Buffer.from([0])]);
      if (this.#chunks.get(last) !== undefined) committed.push(stream);
      else {
        this.#room(SMALL);
        this.#root.transactionSync(() => this.#removeChunks(stream));
      }
    }
  }

  #removeChunks({ origin, xid }: Stream): void {
    for (const key of [...this.#chunks.getKeys(chunkRange(origin, xid, 0))]) {
      this.#bytes -= sizeIn(this.#sizes.get(key));
      this.#sizes.removeSync(key);
      this.#chunks.removeSync(key);
    }
  }

  /**
   * The first batch that ends after the position.
   *
   * @throws AppError JOURNAL_DAMAGED; so does `chunk`
   */
  batchAfter(origin: number, position: bigint): Batch | undefined {
    const range = batchRange(origin, position + 1n);
    for (const { key, value } of this.#batches.getRange({ ...range, limit: 1 })) {
      checkWhole(
        value,
        this.#sizes.get(key),
        `a batch of site ${origin} after position ${position}`,
      );
      return readBatch(origin, value);
    }
    return undefined;
  }

  chunk(id: Omit<Chunk, 'bytes'>): Chunk | undefined {
    const key = chunkKey(id);
    const bytes = this.#chunks.get(key);
    if (bytes === undefined) return undefined;
    checkWhole(bytes, this.#sizes.get(key), `a part of transaction ${id.xid} of site ${id.origin}`);
    return { ...id, bytes };
  }

  /** Batches of the origin that end after the position. */
  countAfter(origin: number, position: bigint): number {
    return this.#batches.getKeysCount(batchRange(origin, position + 1n));
  }

  /**
   * Deletes some batches up to the position, with the chunks of the transactions that they commit.
   *
   * @returns how many, and the end of the last one
   */
  async trimSome(
    origin: number,
    upTo: bigint,
    forgotten: (stream: Stream) => void,
  ): Promise<{ freed: number; last: bigint } | undefined> {
    const found = this.#batches.getKeys(batchRange(origin, 0n));
    const keys = trimStep(found, { upTo, size: (key) => sizeIn(this.#sizes.get(key)) });
    if (keys.length === 0) return undefined;
    for (const key of keys) await this.#dropStream(origin, key, forgotten);
    await this.#drop(this.#batches, keys);
    this.#count -= keys.length;
    return { freed: keys.length, last: positionOfKey(keys.at(-1)!) };
  }

  /** The chunks of the transaction that a batch commits. */
  async #dropStream(
    origin: number,
    key: Buffer,
    forgotten: (stream: Stream) => void,
  ): Promise<void> {
    // Not a copy, but the mapped file: usually one byte of it is looked at, now.
    const bytes = this.#batches.getBinaryFast(key);
    const xid = bytes === undefined ? undefined : commitsStream(bytes);
    if (xid === undefined) return;
    forgotten({ origin, xid });
    await this.#dropChunks({ origin, xid });
  }

  async #dropChunks({ origin, xid }: Stream): Promise<void> {
    await this.#drop(this.#chunks, [...this.#chunks.getKeys(chunkRange(origin, xid, 0))]);
  }

  /** Removes values and what is noted of them, in one transaction. */
  async #drop(from: Database<Buffer, Buffer>, keys: readonly Buffer[]): Promise<void> {
    const bytes = keys.reduce((sum, key) => sum + sizeIn(this.#sizes.get(key)), 0);
    await this.#together(SMALL, () => {
      for (const key of keys) {
        void this.#sizes.remove(key);
        void from.remove(key);
      }
    });
    this.#bytes -= bytes;
  }

  /**
   * One transaction of all that `work` puts and removes, for which `room` bytes have to be free on the disk.
   *
   * @throws AppError JOURNAL_FULL, JOURNAL_UNWRITABLE
   */
  async #together(room: number, work: () => void): Promise<void> {
    this.#room(room);
    await this.#root.batch(work).catch(refused);
  }

  /** All notes whose key begins so. */
  *notes(prefix: string): Iterable<[key: string, value: string]> {
    for (const { key, value } of this.#notes.getRange({ start: prefix })) {
      if (!key.startsWith(prefix)) return;
      yield [key, value];
    }
  }

  note(key: string): string | undefined {
    return this.#notes.get(key);
  }

  /** Settles when the note is on disk. */
  async setNote(key: string, value: string): Promise<void> {
    await this.#together(SMALL, () => void this.#notes.put(key, value));
    await this.#root.flushed;
  }

  /**
   * Settles when all of it is on disk. Puts between two rollbacks go in one write transaction; repeating any of it
   * does no harm.
   */
  async write(group: readonly Write[]): Promise<void> {
    let puts: Write[] = [];
    for (const write of group) {
      if (write.kind !== 'abort') puts.push(write);
      else {
        await this.#put(puts);
        puts = [];
        await this.#dropChunks(write.stream!);
      }
    }
    await this.#put(puts);
    await this.#root.flushed;
  }

  async #put(puts: readonly Write[]): Promise<void> {
    const joined = joinWrites(puts);
    await this.#together(roomFor(sizeOf(joined)), () => {
      for (const { kind, key, bytes, stream } of joined) {
        void this.#sizes.put(key, noteOf(bytes));
        void (kind === 'batch' ? this.#batches : this.#chunks).put(key, bytes);
        if (stream === undefined) continue;
        void this.#chunks.put(commitKey(stream.origin, stream.xid), Buffer.from([1]));
      }
    });
    this.#count += joined.filter(({ kind }) => kind === 'batch').length;
    this.#bytes += sizeOf(joined) - sizeOf(puts);
  }

  async close(): Promise<void> {
    // The library waits for the sync of its last transaction, and for ever where that failed. An empty one needs no space.
    await this.#together(0, () => undefined);
    await this.#root.close();
  }
}
