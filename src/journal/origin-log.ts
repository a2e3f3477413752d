import { commitsStream } from './batch.ts';
import { heldBy } from './held.ts';
import type { Batch, Chunk, Entry, FollowOptions } from './journal.ts';
import { StreamLog } from './stream-log.ts';

/** Bytes of recent batches that followers find in memory. */
const TAIL_BYTES = 8 * 1024 * 1024;

interface TailEntry {
  batch: Batch;
  stored: boolean;
}

/** How a follower gets what is not in memory any more. */
export interface StoredEntries {
  batch(after: bigint): Batch | undefined;
  chunk(xid: number, number: number): Chunk | undefined;
}

/**
 * What is known in memory of one origin's sequence: positions, the recent batches, and who waits for
 * more. A batch stays in the tail until it is stored, so a follower always finds it here or there.
 */
export class OriginLog {
  position = 0n;
  durable = 0n;
  /** Position after which `follow` can begin; undefined when nothing was ever here. */
  oldest: bigint | undefined;
  /** Transactions in progress. */
  readonly streams = new StreamLog(() => this.#wake());
  readonly #tail: TailEntry[] = [];
  #tailBytes = 0;
  #waiters: (() => void)[] = [];
  #closed = false;

  /** The last batch, while it is in memory. */
  get newest(): Batch | undefined {
    return this.#tail.at(-1)?.batch;
  }

  /** Adds a batch at the end and wakes followers. */
  add(batch: Batch): TailEntry {
    const entry = { batch, stored: false };
    this.#tail.push(entry);
    this.#tailBytes += heldBy(batch.bytes);
    this.position = batch.last;
    const xid = commitsStream(batch.bytes);
    if (xid !== undefined) this.streams.committed(xid);
    this.#wake();
    return entry;
  }

  /** The batch is on disk, and with it all before it: the store commits in order. */
  stored(entry: TailEntry): void {
    entry.stored = true;
    if (entry.batch.last > this.durable) this.durable = entry.batch.last;
    this.#dropWhile(() => this.#tailBytes > TAIL_BYTES);
  }

  /** The store has nothing up to the position any more, since nobody will ask for it. */
  trimmed(upTo: bigint): void {
    this.oldest = upTo;
    this.#dropWhile((batch) => batch.last <= upTo);
  }

  /** Forgets batches from the oldest on, but none that is not on disk. */
  #dropWhile(wanted: (batch: Batch) => boolean): void {
    let drop = 0;
    for (const { batch, stored } of this.#tail) {
      if (!stored || !wanted(batch)) break;
      this.#tailBytes -= heldBy(batch.bytes);
      drop += 1;
    }
    if (drop > 0) this.#tail.splice(0, drop);
  }

  close(): void {
    this.#closed = true;
    this.#wake();
  }

  /** Entries after the position; `stored` finds what is not in memory. */
  async *follow(
    after: bigint,
    options: FollowOptions,
    stored: StoredEntries,
  ): AsyncGenerator<Entry> {
    const streams = options.streams === true ? this.streams.follower(stored) : undefined;
    try {
      let at = after;
      while (!options.signal.aborted && !this.#closed) {
        const entry =
          streams?.next() ?? (options.batches === false ? undefined : this.#nextBatch(at, stored));
        if (entry === undefined) {
          await this.#news(options.signal);
          continue;
        }
        if (entry.kind === 'batch') at = entry.batch.last;
        yield entry;
      }
    } finally {
      streams?.end();
    }
  }

  #nextBatch(after: bigint, stored: StoredEntries): Entry | undefined {
    if (after >= this.position) return undefined;
    const batch = this.#find(after) ?? stored.batch(after);
    return batch === undefined ? undefined : { kind: 'batch', batch };
  }

  /** The first batch in the tail that ends after the position, if the one before it is there too. */
  #find(after: bigint): Batch | undefined {
    const first = this.#tail[0];
    if (first === undefined || first.batch.previous > after) return undefined;
    let low = 0;
    let high = this.#tail.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#tail[middle]!.batch.last > after) high = middle;
      else low = middle + 1;
    }
    return this.#tail[low]?.batch;
  }

  #wake(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const wake of waiters) wake();
  }

  #news(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        signal.removeEventListener('abort', done);
        resolve();
      };
      this.#waiters.push(done);
      signal.addEventListener('abort', done, { once: true });
    });
  }
}
