import { mkdirSync } from 'node:fs';
import { open } from 'lmdb';
import type { Database, RootDatabase } from 'lmdb';
import { AppError } from '../base/errors.ts';
import type { Batch, Chunk, Entry, FollowOptions, Journal, JournalStats } from './journal.ts';
import { batchKey, batchRange, chunkKey, chunkRange, positionOfKey } from './journal-keys.ts';
import { OriginLog } from './origin-log.ts';

export interface JournalOptions {
  path: string;
  quotaBytes: number;
}

/** Bytes accepted but not yet on disk; beyond it `append` itself waits. */
const MAX_UNSYNCED = 64 * 1024 * 1024;
/** Batches deleted in one write transaction. */
const TRIM_STEP = 1000;

/** The journal in LMDB: B-tree files without a log of their own; a commit is durable when it is synced. */
export class LmdbJournal implements Journal {
  readonly #root: RootDatabase;
  readonly #batches: Database<Buffer, Buffer>;
  readonly #chunks: Database<Buffer, Buffer>;
  /** Size of each batch and chunk by its key: what makes statistics cheap to rebuild. */
  readonly #sizes: Database<number, Buffer>;
  readonly #notes: Database<string, string>;
  readonly #quota: number;
  readonly #logs = new Map<number, OriginLog>();
  #bytes = 0;
  #count = 0;
  #unsynced = 0;
  #closed = false;
  /** A write that failed: what was shown to followers is not on disk, so nothing may come after it. */
  #failed: Error | undefined;

  private constructor(root: RootDatabase, quota: number) {
    this.#root = root;
    this.#quota = quota;
    const binary = { keyEncoding: 'binary', encoding: 'binary' } as const;
    this.#batches = root.openDB({ name: 'batches', ...binary });
    this.#chunks = root.openDB({ name: 'chunks', ...binary });
    this.#sizes = root.openDB({ name: 'sizes', keyEncoding: 'binary', encoding: 'json' });
    this.#notes = root.openDB({ name: 'notes', encoding: 'json' });
  }

  /**
   * Opens (or makes) the journal in a folder.
   *
   * @throws AppError JOURNAL_UNUSABLE when the folder or its files cannot be used
   */
  static open(options: JournalOptions): LmdbJournal {
    try {
      mkdirSync(options.path, { recursive: true, mode: 0o700 });
      const root = open({ path: `${options.path}/journal.lmdb`, maxDbs: 8, maxReaders: 64 });
      const journal = new LmdbJournal(root, options.quotaBytes);
      journal.#load();
      return journal;
    } catch (error) {
      throw new AppError('JOURNAL_UNUSABLE', `Cannot open the journal "${options.path}"`, {
        hint: 'Check that the folder is writable and on a local disk',
        cause: error,
      });
    }
  }

  #load(): void {
    for (const { key, value } of this.#sizes.getRange({})) {
      this.#bytes += value;
      if (key[0] !== 0) continue;
      this.#count += 1;
      const log = this.#log(key.readUInt16BE(1));
      const position = positionOfKey(key);
      if (log.oldest === undefined) {
        const first = this.#batches.get(key);
        log.oldest = first === undefined ? position : first.readBigUInt64BE(11);
      }
      log.position = position;
      log.durable = position;
    }
    for (const { key, value } of this.#notes.getRange({ start: 'start/', end: 'start0' })) {
      const log = this.#log(Number(String(key).slice(6)));
      const position = BigInt(value);
      if (log.position < position) log.position = log.durable = position;
      log.oldest ??= position;
    }
  }

  #log(origin: number): OriginLog {
    let log = this.#logs.get(origin);
    if (log === undefined) {
      log = new OriginLog();
      this.#logs.set(origin, log);
    }
    return log;
  }

  async append(batch: Batch): Promise<void> {
    this.#check(batch.bytes.length);
    const log = this.#log(batch.origin);
    if (batch.last <= log.position) return;
    if (batch.previous > log.position && log.oldest !== undefined) {
      throw new AppError(
        'JOURNAL_GAP',
        `A batch of site ${batch.origin} begins after ${batch.previous}, but the journal ends at ${log.position}`,
        { retry: 'later', hint: 'The link asks again from the journal’s position by itself' },
      );
    }
    log.oldest ??= batch.previous;
    const entry = log.add(batch);
    await this.#store(this.#batches, batchKey(batch.origin, batch.last), batch.bytes);
    this.#count += 1;
    log.stored(entry);
  }

  async appendChunk(chunk: Chunk): Promise<void> {
    this.#check(chunk.bytes.length);
    const log = this.#log(chunk.origin);
    await this.#store(this.#chunks, chunkKey(chunk), chunk.bytes);
    log.chunk(chunk);
  }

  async abortStream(origin: number, xid: number): Promise<void> {
    await this.#dropChunks(origin, xid);
    this.#log(origin).abort(xid);
  }

  position(origin: number): bigint {
    return this.#log(origin).position;
  }

  durable(origin: number): bigint {
    return this.#log(origin).durable;
  }

  async flush(): Promise<void> {
    await this.#root.committed;
    await this.#root.flushed;
  }

  follow(origin: number, after: bigint, options: FollowOptions): AsyncIterable<Entry> {
    const log = this.#log(origin);
    if (log.oldest !== undefined && after < log.oldest) {
      throw new AppError(
        'JOURNAL_TRIMMED',
        `The journal has site ${origin}'s changes from ${log.oldest} on, ${after} was asked for`,
        { hint: 'The site has been away for too long: join it again with a new base copy' },
      );
    }
    return log.follow(after, options, (from) => this.#read(origin, from));
  }

  /** The first stored batch that ends after the position. */
  #read(origin: number, after: bigint): Batch | undefined {
    for (const { value } of this.#batches.getRange({
      ...batchRange(origin, after + 1n),
      limit: 1,
    })) {
      return {
        origin,
        incarnation: value.readUInt32BE(7),
        previous: value.readBigUInt64BE(11),
        last: value.readBigUInt64BE(19),
        bytes: value,
      };
    }
    return undefined;
  }

  *chunks(origin: number, xid: number, from: number): Iterable<Chunk> {
    for (let number = from; ; number++) {
      const bytes = this.#chunks.get(chunkKey({ origin, xid, number }));
      if (bytes === undefined) return;
      yield { origin, xid, number, bytes };
    }
  }

  async startAt(origin: number, position: bigint): Promise<void> {
    const log = this.#log(origin);
    await this.setNote(`start/${origin}`, position.toString());
    if (position <= log.position) return;
    log.position = log.durable = position;
    log.oldest = position;
  }

  async trim(origin: number, upTo: bigint): Promise<number> {
    const log = this.#log(origin);
    let freed = 0;
    for (;;) {
      const keys = [
        ...this.#batches.getKeys({ ...batchRange(origin, 0n), limit: TRIM_STEP }),
      ].filter((key) => positionOfKey(key) <= upTo);
      if (keys.length === 0) return freed;
      for (const key of keys) await this.#dropBatch(origin, key);
      freed += keys.length;
      log.oldest = positionOfKey(keys.at(-1)!);
      await this.setNote(`start/${origin}`, log.oldest.toString());
    }
  }

  async #dropBatch(origin: number, key: Buffer): Promise<void> {
    const bytes = this.#batches.get(key);
    if (bytes !== undefined && (bytes[4]! & 1) !== 0) {
      const { decodeBatch } = await import('./batch.ts');
      await this.#dropChunks(origin, decodeBatch(bytes).stream!.xid);
    }
    this.#forget(key);
    this.#count -= 1;
    await this.#batches.remove(key);
  }

  async #dropChunks(origin: number, xid: number): Promise<void> {
    const keys = [...this.#chunks.getKeys(chunkRange(origin, xid, 0))];
    for (const key of keys) this.#forget(key);
    await Promise.all(keys.map((key) => this.#chunks.remove(key)));
  }

  #forget(key: Buffer): void {
    this.#bytes -= this.#sizes.get(key) ?? 0;
    void this.#sizes.remove(key);
  }

  oldest(origin: number): bigint {
    return this.#log(origin).oldest ?? 0n;
  }

  count(origin: number, after: bigint): number {
    return this.#batches.getKeysCount(batchRange(origin, after + 1n));
  }

  origins(): number[] {
    return [...this.#logs.keys()];
  }

  stats(): JournalStats {
    return { bytes: this.#bytes, quotaBytes: this.#quota, batches: this.#count };
  }

  getNote(key: string): string | undefined {
    return this.#notes.get(key);
  }

  async setNote(key: string, value: string): Promise<void> {
    await this.#notes.put(key, value);
    await this.#root.flushed;
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const log of this.#logs.values()) log.close();
    await this.#root.close();
  }

  #check(size: number): void {
    if (this.#failed !== undefined) throw this.#failed;
    if (this.#closed) throw new AppError('JOURNAL_CLOSED', 'The journal is closed');
    if (this.#bytes + size <= this.#quota) return;
    throw full(`it holds ${this.#bytes} of ${this.#quota} bytes`);
  }

  async #store(database: Database<Buffer, Buffer>, key: Buffer, bytes: Buffer): Promise<void> {
    this.#bytes += bytes.length;
    this.#unsynced += bytes.length;
    try {
      void this.#sizes.put(key, bytes.length);
      await database.put(key, bytes);
      await this.#root.flushed;
    } catch (error) {
      this.#bytes -= bytes.length;
      this.#failed = full((error as Error).message, error);
      throw this.#failed;
    } finally {
      this.#unsynced -= bytes.length;
    }
  }

  /** True while less than the limit waits for the disk: writers in a hurry ask before they go on. */
  hasRoom(): boolean {
    return this.#unsynced < MAX_UNSYNCED;
  }
}

function full(why: string, cause?: unknown): AppError {
  return new AppError('JOURNAL_FULL', `The journal is full: ${why}`, {
    retry: 'later',
    hint: 'Raise journal.quota in syncline.yaml, free disk space, or bring the missing peer back',
    cause,
  });
}
