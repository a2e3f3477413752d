import { heldBy } from './held.ts';
import type { Chunk, Entry } from './journal.ts';

/** Bytes of stored chunks that followers find in memory. */
const RECENT_BYTES = 8 * 1024 * 1024;

interface RecentChunk {
  chunk: Chunk;
  stored: boolean;
}

type StoredChunk = { chunk(xid: number, number: number): Chunk | undefined };
type StreamEntry = Exclude<Entry, { kind: 'batch' }>;

/** What is known in memory of one origin's transactions in progress, and who follows them. */
export class StreamLog {
  readonly #wake: () => void;
  /** Number of chunks so far, by transaction. */
  readonly #counts = new Map<number, number>();
  readonly #recent = new Map<string, RecentChunk>();
  #recentBytes = 0;
  readonly #followers = new Set<StreamFollower>();

  constructor(wake: () => void) {
    this.#wake = wake;
  }

  /** True if the transaction had chunks already: it is sent from the beginning again. */
  restartsWith(chunk: Chunk): boolean {
    return chunk.number === 0 && this.#counts.has(chunk.xid);
  }

  chunk(chunk: Chunk): RecentChunk {
    const entry = { chunk, stored: false };
    this.#recent.set(nameOf(chunk), entry);
    this.#recentBytes += heldBy(chunk.bytes);
    this.#counts.set(chunk.xid, chunk.number + 1);
    this.#wake();
    return entry;
  }

  /** The chunk is on disk: it may be forgotten here. */
  stored(entry: RecentChunk): void {
    entry.stored = true;
    for (const [name, { chunk, stored }] of this.#recent) {
      if (this.#recentBytes <= RECENT_BYTES || !stored) break;
      this.#recent.delete(name);
      this.#recentBytes -= heldBy(chunk.bytes);
    }
  }

  /** The transaction was rolled back. */
  abort(xid: number): void {
    this.#counts.delete(xid);
    this.#forgetRecent(xid);
    for (const follower of this.#followers) follower.aborted(xid);
    this.#wake();
  }

  /** Its batch was added: whoever lacks chunks reads them from the journal. */
  committed(xid: number): void {
    this.#counts.delete(xid);
    for (const follower of this.#followers) follower.committed(xid);
  }

  inProgress(xid: number): boolean {
    return this.#counts.has(xid);
  }

  follower(store: StoredChunk): StreamFollower {
    const follower = new StreamFollower(this, store);
    this.#followers.add(follower);
    return follower;
  }

  leave(follower: StreamFollower): void {
    this.#followers.delete(follower);
  }

  counts(): Iterable<[number, number]> {
    return this.#counts;
  }

  recent(xid: number, number: number): Chunk | undefined {
    return this.#recent.get(`${xid}/${number}`)?.chunk;
  }

  #forgetRecent(xid: number): void {
    for (const [name, { chunk }] of this.#recent) {
      if (chunk.xid !== xid) continue;
      this.#recent.delete(name);
      this.#recentBytes -= heldBy(chunk.bytes);
    }
  }
}

/** One follower's place in every transaction in progress. Nothing is buffered for it. */
export class StreamFollower {
  readonly #log: StreamLog;
  readonly #store: StoredChunk;
  /** Number of the next chunk to give. */
  readonly #next = new Map<number, number>();
  readonly #aborted: number[] = [];

  constructor(log: StreamLog, store: StoredChunk) {
    this.#log = log;
    this.#store = store;
  }

  /** The next chunk or abort; undefined when it has all. */
  next(): StreamEntry | undefined {
    const aborted = this.#aborted.shift();
    if (aborted !== undefined) return { kind: 'abort', xid: aborted };
    for (const [xid, count] of this.#log.counts()) {
      const number = this.#next.get(xid) ?? 0;
      if (number >= count) continue;
      const chunk = this.#log.recent(xid, number) ?? this.#store.chunk(xid, number);
      if (chunk === undefined) continue;
      this.#next.set(xid, number + 1);
      return { kind: 'chunk', chunk };
    }
    return undefined;
  }

  aborted(xid: number): void {
    if (this.#next.delete(xid)) this.#aborted.push(xid);
  }

  /** No more chunks of it are given. */
  committed(xid: number): void {
    this.#next.delete(xid);
  }

  end(): void {
    this.#log.leave(this);
  }
}

function nameOf({ xid, number }: Chunk): string {
  return `${xid}/${number}`;
}
