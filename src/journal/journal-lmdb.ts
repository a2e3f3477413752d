import { mkdirSync } from 'node:fs';
import { open } from 'lmdb';
import type { Database, RootDatabase } from 'lmdb';
import { AppError } from '../base/errors.ts';
import { GroupCommit, journalFull } from './group-commit.ts';
import type { Put } from './group-commit.ts';
import type { Batch, Chunk, Entry, FollowOptions, Journal, JournalStats } from './journal.ts';
import {
  batchKey,
  batchRange,
  chunkKey,
  chunkRange,
  commitKey,
  positionOfKey,
  streamOfKey,
} from './journal-keys.ts';
import { commitsStream, readBatch } from './batch.ts';
import { Joining } from './join.ts';
import { OriginLog } from './origin-log.ts';

export interface JournalOptions {
  path: string;
  quotaBytes: number;
}

/** Batches deleted in one write transaction. */
const TRIM_STEP = 1000;

interface Write extends Put {
  kind: 'batch' | 'chunk' | 'abort';
  /** The streamed transaction that it commits or rolls back. */
  stream?: Stream;
}

interface Stream {
  origin: number;
  xid: number;
}

const NOTHING = Buffer.alloc(0);

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
  #closed = false;
  readonly #writer: GroupCommit<Write>;
  /** Streamed transactions whose commit is in the journal. */
  readonly #committed = new Set<string>();

  private constructor(root: RootDatabase, quota: number) {
    this.#root = root;
    this.#quota = quota;
    const binary = { keyEncoding: 'binary', encoding: 'binary' } as const;
    this.#batches = root.openDB({ name: 'batches', ...binary });
    this.#chunks = root.openDB({ name: 'chunks', ...binary });
    this.#sizes = root.openDB({ name: 'sizes', keyEncoding: 'binary', encoding: 'json' });
    this.#notes = root.openDB({ name: 'notes', encoding: 'json' });
    this.#writer = new GroupCommit((group) => this.#write(group));
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
    this.#collectStreams();
  }

  /**
   * Removes the chunks of transactions that were in progress when the agent ended: their origin sends
   * them from the beginning again, if they are not rolled back.
   */
  #collectStreams(): void {
    let start: Buffer = chunkKey({ origin: 0, xid: 0, number: 0 });
    for (;;) {
      const [key] = this.#chunks.getKeys({ start, limit: 1 });
      if (key === undefined) return;
      const { origin, xid } = streamOfKey(key);
      const last = commitKey(origin, xid);
      start = Buffer.concat([last, Buffer.from([0])]);
      if (this.#chunks.get(last) !== undefined) this.#committed.add(streamName(origin, xid));
      else this.#root.transactionSync(() => this.#removeChunks(origin, xid));
    }
  }

  #removeChunks(origin: number, xid: number): void {
    for (const key of [...this.#chunks.getKeys(chunkRange(origin, xid, 0))]) {
      this.#bytes -= this.#sizes.get(key) ?? 0;
      this.#sizes.removeSync(key);
      this.#chunks.removeSync(key);
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
    const xid = commitsStream(batch.bytes);
    const { origin, last, bytes } = batch;
    if (xid !== undefined) this.#committed.add(streamName(origin, xid));
    const stream = xid === undefined ? {} : { stream: { origin, xid } };
    await this.#store({ kind: 'batch', key: batchKey(origin, last), bytes, ...stream });
    log.stored(entry);
  }

  async appendChunk(chunk: Chunk): Promise<void> {
    // After a crash a transaction may be decoded again whose commit is here already.
    if (this.#committed.has(streamName(chunk.origin, chunk.xid))) return;
    this.#check(chunk.bytes.length);
    const { streams } = this.#log(chunk.origin);
    if (streams.restartsWith(chunk)) void this.abortStream(chunk.origin, chunk.xid);
    const entry = streams.chunk(chunk);
    await this.#store({ kind: 'chunk', key: chunkKey(chunk), bytes: chunk.bytes });
    streams.stored(entry);
  }

  async abortStream(origin: number, xid: number): Promise<void> {
    if (this.#committed.has(streamName(origin, xid))) return;
    this.#log(origin).streams.abort(xid);
    const stream = { origin, xid };
    await this.#store({ kind: 'abort', key: commitKey(origin, xid), bytes: NOTHING, stream });
  }

  position(origin: number): bigint {
    return this.#log(origin).position;
  }

  durable(origin: number): bigint {
    return this.#log(origin).durable;
  }

  flush(): Promise<void> {
    return this.#writer.flush();
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
    return log.follow(after, options, {
      batch: (from) => this.#read(origin, from),
      chunk: (xid, number) => this.#chunk({ origin, xid, number }),
    });
  }

  /** The first stored batch that ends after the position. */
  #read(origin: number, after: bigint): Batch | undefined {
    for (const { value } of this.#batches.getRange({
      ...batchRange(origin, after + 1n),
      limit: 1,
    })) {
      return readBatch(origin, value);
    }
    return undefined;
  }

  *chunks(origin: number, xid: number, from: number): Iterable<Chunk> {
    for (let number = from; ; number++) {
      const chunk = this.#chunk({ origin, xid, number });
      if (chunk === undefined) return;
      yield chunk;
    }
  }

  inProgress(origin: number, xid: number): boolean {
    return this.#log(origin).streams.inProgress(xid);
  }

  #chunk(id: Omit<Chunk, 'bytes'>): Chunk | undefined {
    const bytes = this.#chunks.get(chunkKey(id));
    return bytes === undefined ? undefined : { ...id, bytes };
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
    // Not a copy, but the mapped file: usually one byte of it is looked at, now.
    const bytes = this.#batches.getBinaryFast(key);
    const xid = bytes === undefined ? undefined : commitsStream(bytes);
    if (xid !== undefined) {
      this.#committed.delete(streamName(origin, xid));
      await this.#dropChunks(origin, xid);
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
    await this.#writer.close();
    await this.#root.close();
  }

  #check(size: number): void {
    if (this.#closed) throw new AppError('JOURNAL_CLOSED', 'The journal is closed');
    if (this.#writer.failure !== undefined) throw this.#writer.failure;
    if (this.#bytes + size <= this.#quota) return;
    throw journalFull(`it holds ${this.#bytes} of ${this.#quota} bytes`);
  }

  #store(write: Write): Promise<void> {
    this.#bytes += write.bytes.length;
    return this.#writer.add(write);
  }

  /** Puts between two rollbacks go in one write transaction; repeating any of it does no harm. */
  async #write(group: readonly Write[]): Promise<void> {
    let puts: Write[] = [];
    for (const write of group) {
      if (write.kind !== 'abort') puts.push(write);
      else {
        await this.#put(puts);
        puts = [];
        await this.#dropChunks(write.stream!.origin, write.stream!.xid);
      }
    }
    await this.#put(puts);
    await this.#root.flushed;
  }

  async #put(puts: readonly Write[]): Promise<void> {
    const done: Promise<unknown>[] = [];
    const joined = joinWrites(puts);
    const all = this.#root.batch(() => {
      for (const { kind, key, bytes, stream } of joined) {
        done.push(this.#sizes.put(key, bytes.length));
        done.push((kind === 'batch' ? this.#batches : this.#chunks).put(key, bytes));
        if (stream === undefined) continue;
        done.push(this.#chunks.put(commitKey(stream.origin, stream.xid), Buffer.from([1])));
      }
    });
    await Promise.all([all, ...done]);
    this.#count += joined.filter(({ kind }) => kind === 'batch').length;
    this.#bytes += sizeOf(joined) - sizeOf(puts);
  }
}

/** What came as many small batches is stored, and sent after an outage, as few large ones. */
function joinWrites(puts: readonly Write[]): readonly Write[] {
  const runs: { last: Write; parts?: Joining }[] = [];
  for (const put of puts) {
    const run = runs.at(-1);
    const sameOrigin = run?.last.key.readUInt16BE(1) === put.key.readUInt16BE(1);
    if (put.kind !== 'batch') runs.push({ last: put });
    else if (sameOrigin && run?.parts?.add(put.bytes) === true) run.last = put;
    else runs.push({ last: put, parts: new Joining(put.bytes) });
  }
  return runs.map(({ last, parts }) => (parts ? { ...last, bytes: parts.bytes() } : last));
}

function sizeOf(writes: readonly Write[]): number {
  return writes.reduce((sum, write) => sum + write.bytes.length, 0);
}

function streamName(origin: number, xid: number): string {
  return `${origin}/${xid}`;
}
