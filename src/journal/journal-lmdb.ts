import { AppError } from '../base/errors.ts';
import { commitsStream, timeOf } from './batch.ts';
import { GroupCommit, journalFull } from './group-commit.ts';
import type { Batch, Chunk, Entry, FollowOptions, Journal, JournalStats } from './journal.ts';
import { opening, openLmdb } from './lmdb-open.ts';
import { LmdbStore } from './lmdb-store.ts';
import { roomIn } from './room.ts';
import { abortWrite, batchWrite, chunkWrite, nameOf } from './writes.ts';
import type { Stream, Write } from './writes.ts';
import { OriginLog } from './origin-log.ts';

export interface JournalOptions {
  path: string;
  quotaBytes: number;
  /** Bytes that are free on the folder's disk; for tests. */
  free?: () => number;
}

const START = 'start/';
/** Notes of the last transaction that was trimmed, where no batch says it any more: its position and commit time. */
const LAST = 'last/';

/** The journal in LMDB: B-tree files without a log of their own; a commit is durable when it is synced. */
export class LmdbJournal implements Journal {
  readonly #store: LmdbStore;
  readonly #quota: number;
  readonly #logs = new Map<number, OriginLog>();
  readonly #writer: GroupCommit<Write>;
  /** Streamed transactions whose commit is in the journal. */
  readonly #committed = new Set<string>();
  #closed = false;

  private constructor(store: LmdbStore, quota: number) {
    this.#store = store;
    this.#quota = quota;
    this.#writer = new GroupCommit((group) => store.write(group));
  }

  /**
   * Opens (or makes) the journal in a folder.
   *
   * @throws AppError JOURNAL_UNUSABLE when the folder or its files cannot be used; JOURNAL_FULL
   */
  static open(options: JournalOptions): LmdbJournal {
    return opening(options.path, () => {
      const room = roomIn(options.path, options.free);
      const store = new LmdbStore(openLmdb(options.path, room), room);
      const journal = new LmdbJournal(store, options.quotaBytes);
      journal.#load();
      return journal;
    });
  }

  #load(): void {
    for (const { origin, position, previous } of this.#store.load()) {
      const log = this.#log(origin);
      log.oldest ??= previous();
      log.position = position;
      log.durable = position;
    }
    for (const [key, value] of this.#store.notes(START)) {
      const log = this.#log(Number(key.slice(START.length)));
      const position = BigInt(value);
      if (log.position < position) log.position = log.durable = position;
      log.oldest ??= position;
    }
    for (const stream of this.#store.collectStreams()) this.#committed.add(nameOf(stream));
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
    const { origin } = batch;
    const log = this.#log(origin);
    if (batch.last <= log.position) return;
    if (batch.previous > log.position && log.oldest !== undefined) {
      throw new AppError(
        'JOURNAL_GAP',
        `A batch of site ${origin} begins after ${batch.previous}, but the journal ends at ${log.position}`,
        { retry: 'later', hint: 'The link asks again from the journal’s position by itself' },
      );
    }
    // One that cannot be read throws: before it is shown to anybody, since it would not be stored.
    const xid = commitsStream(batch.bytes);
    log.oldest ??= batch.previous;
    const entry = log.add(batch);
    if (xid !== undefined) this.#committed.add(nameOf({ origin, xid }));
    await this.#write(batchWrite(batch, xid));
    log.stored(entry);
  }

  async appendChunk(chunk: Chunk): Promise<void> {
    // After a crash a transaction may be decoded again whose commit is here already.
    if (this.#committed.has(nameOf(chunk))) return;
    this.#check(chunk.bytes.length);
    const { streams } = this.#log(chunk.origin);
    if (streams.restartsWith(chunk)) void this.abortStream(chunk.origin, chunk.xid);
    const entry = streams.chunk(chunk);
    await this.#write(chunkWrite(chunk));
    streams.stored(entry);
  }

  async abortStream(origin: number, xid: number): Promise<void> {
    if (this.#committed.has(nameOf({ origin, xid }))) return;
    this.#log(origin).streams.abort(xid);
    await this.#write(abortWrite({ origin, xid }));
  }

  #check(size: number): void {
    if (this.#closed) throw new AppError('JOURNAL_CLOSED', 'The journal is closed');
    if (this.#writer.failure !== undefined) throw this.#writer.failure;
    const { bytes } = this.#store;
    if (bytes + size <= this.#quota) return;
    throw journalFull(`it holds ${bytes} of ${this.#quota} bytes`);
  }

  #write(write: Write): Promise<void> {
    this.#store.expect(write.bytes.length);
    return this.#writer.add(write);
  }

  position(origin: number): bigint {
    return this.#log(origin).position;
  }

  durable(origin: number): bigint {
    return this.#log(origin).durable;
  }

  time(origin: number): bigint | undefined {
    const { position, newest } = this.#log(origin);
    const batch = newest ?? this.#store.batchAfter(origin, position - 1n);
    if (batch?.last === position) return timeOf(batch.bytes);
    const [at, time] = this.getNote(LAST + origin)?.split(' ') ?? [];
    return at === position.toString() ? BigInt(time!) : undefined;
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
        {
          hint: 'The site that lacks them has been away for too long, or was put back: it joins afresh with a new name',
        },
      );
    }
    return log.follow(after, options, {
      batch: (from) => this.#store.batchAfter(origin, from),
      chunk: (xid, number) => this.#store.chunk({ origin, xid, number }),
    });
  }

  *chunks(origin: number, xid: number, from: number): Iterable<Chunk> {
    for (let number = from; ; number++) {
      const chunk = this.#store.chunk({ origin, xid, number });
      if (chunk === undefined) return;
      yield chunk;
    }
  }

  inProgress(origin: number, xid: number): boolean {
    return this.#log(origin).streams.inProgress(xid);
  }

  async startAt(origin: number, position: bigint): Promise<void> {
    const log = this.#log(origin);
    await this.setNote(START + origin, position.toString());
    if (position <= log.position) return;
    log.position = log.durable = position;
    log.oldest = position;
  }

  async trim(origin: number, upTo: bigint): Promise<number> {
    const log = this.#log(origin);
    if (upTo >= log.position) await this.#noteLast(origin);
    const forgotten = (stream: Stream): void => void this.#committed.delete(nameOf(stream));
    for (let freed = 0; ;) {
      const some = await this.#store.trimSome(origin, upTo, forgotten);
      if (some === undefined) return freed;
      freed += some.freed;
      log.trimmed(some.last);
      await this.setNote(START + origin, some.last.toString());
    }
  }

  /** Before the last batch goes: which transaction it ended with is asked for later (src/capture/continuity.ts). */
  async #noteLast(origin: number): Promise<void> {
    const time = this.#lastTime(origin);
    if (time === undefined) return;
    const note = `${this.position(origin)} ${time}`;
    if (this.getNote(LAST + origin) !== note) await this.setNote(LAST + origin, note);
  }

  /** Nobody needs what is about to go: that it is damaged is no reason to keep it. */
  #lastTime(origin: number): bigint | undefined {
    try {
      return this.time(origin);
    } catch {
      return undefined;
    }
  }

  oldest(origin: number): bigint {
    return this.#log(origin).oldest ?? 0n;
  }

  count(origin: number, after: bigint): number {
    return this.#store.countAfter(origin, after);
  }

  origins(): number[] {
    return [...this.#logs.keys()];
  }

  stats(): JournalStats {
    const { bytes, count: batches } = this.#store;
    return { bytes, quotaBytes: this.#quota, batches };
  }

  getNote(key: string): string | undefined {
    return this.#store.note(key);
  }

  setNote(key: string, value: string): Promise<void> {
    return this.#store.setNote(key, value);
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const log of this.#logs.values()) log.close();
    await this.#writer.close();
    await this.#store.close();
  }
}
