/**
 * The journal: a durable, ordered store of batches, one sequence per origin. It is what ships changes
 * to other sites, what relays a dead origin's tail, and the incremental backup. This file is the
 * contract; `journal-lmdb.ts` implements it.
 *
 * Order and contiguity. A batch is accepted when its `previous` is at most the origin's position and
 * its `last` is greater; a batch that starts after a gap is refused (`JOURNAL_GAP`), one that the
 * journal already has is ignored. Batches of one origin are followed in position order, without gaps.
 *
 * Durability. `append` makes a batch visible to followers at once and durable soon after (group
 * commit). `durable()` tells up to where a crash loses nothing. After a crash the origin's tail that was
 * not durable is captured, or pulled, again at the same positions (ARCHITECTURE.md §2).
 *
 * Memory. Recent batches are kept in a bounded tail; a follower that is behind reads from the store.
 *
 * Quota. When the store reaches its quota, `append` throws `JOURNAL_FULL` (retry: later): capture then
 * stops confirming to its slot and resumes when space was freed; nothing is dropped.
 */
export interface Journal {
  /** Adds a batch. Visible to followers when it returns; durable when the promise settles. */
  append(batch: Batch): Promise<void>;
  /** Adds a chunk of a transaction in progress; chunk numbers of one (origin, xid) start at 0. */
  appendChunk(chunk: Chunk): Promise<void>;
  /** The transaction in progress was rolled back: its chunks go, followers see an `abort`. */
  abortStream(origin: number, xid: number): Promise<void>;

  /** Position of the newest batch of the origin; 0n when there is none. */
  position(origin: number): bigint;
  /** As `position`, but of what survives a crash. */
  durable(origin: number): bigint;
  /** Commit time of the origin's newest transaction here, µs since 2000-01-01; undefined where it is not known. */
  time(origin: number): bigint | undefined;
  /** Everything that was appended before the call is durable when this settles. */
  flush(): Promise<void>;

  /**
   * Entries of the origin after the given position, in order, for ever (until the signal). Chunks and
   * aborts of transactions in progress are delivered as they come when `streams` is set; a consumer
   * that has not seen all chunks of a committed stream asks `chunks`. The consumer's pace is the only
   * flow control: nothing is buffered per follower.
   */
  follow(origin: number, after: bigint, options: FollowOptions): AsyncIterable<Entry>;
  /** The chunks of a stream from number `from` on, in order; ends at the newest stored one. */
  chunks(origin: number, xid: number, from: number): Iterable<Chunk>;
  /** Whether a transaction has chunks here, and neither a commit nor an abort. */
  inProgress(origin: number, xid: number): boolean;

  /** Sets the position of an origin that has no batches yet: a new site starts at its base copy. */
  startAt(origin: number, position: bigint): Promise<void>;
  /** Deletes the batches of the origin up to the position, and their chunks. Returns freed batches. */
  trim(origin: number, upTo: bigint): Promise<number>;
  /** Oldest position that can still be followed: `follow` after less than this throws JOURNAL_TRIMMED. */
  oldest(origin: number): bigint;
  /** Number of stored batches of the origin that end after the position. */
  count(origin: number, after: bigint): number;
  origins(): number[];
  stats(): JournalStats;
  /** Small durable notes of the agent (for example, the confirmed slot position). */
  getNote(key: string): string | undefined;
  setNote(key: string, value: string): Promise<void>;
  close(): Promise<void>;
}

export interface Batch {
  origin: number;
  incarnation: number;
  previous: bigint;
  last: bigint;
  /** The encoded batch, ARCHITECTURE.md §6. The journal never changes it and may keep a reference. */
  bytes: Buffer;
}

export interface Chunk {
  origin: number;
  xid: number;
  number: number;
  bytes: Buffer;
}

export type Entry =
  | { kind: 'batch'; batch: Batch }
  | { kind: 'chunk'; chunk: Chunk }
  | { kind: 'abort'; xid: number };

export interface FollowOptions {
  signal: AbortSignal;
  streams?: boolean;
  /** False: only chunks and aborts. */
  batches?: boolean;
}

export interface JournalStats {
  bytes: number;
  quotaBytes: number;
  batches: number;
}
