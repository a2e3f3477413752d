import type { Batch, Chunk, Entry, FollowOptions } from './journal.ts';

/** Bytes of recent batches that followers find in memory. */
const TAIL_BYTES = 16 * 1024 * 1024;
/** Chunks that a follower of streams may be behind before it has to read them from the store. */
const STREAM_BACKLOG = 64;

interface TailEntry {
  batch: Batch;
  stored: boolean;
}

type StreamEvent = Exclude<Entry, { kind: 'batch' }>;

/**
 * What is known in memory of one origin's sequence: positions, the recent batches, and who waits for
 * more. A batch stays in the tail until it is stored, so a follower always finds it here or there.
 */
export class OriginLog {
  position = 0n;
  durable = 0n;
  /** Position after which `follow` can begin; undefined when nothing was ever here. */
  oldest: bigint | undefined;
  readonly #tail: TailEntry[] = [];
  #tailBytes = 0;
  #waiters: (() => void)[] = [];
  readonly #streamQueues = new Set<StreamEvent[]>();
  #closed = false;

  /** Adds a batch at the end and wakes followers. */
  add(batch: Batch): TailEntry {
    const entry = { batch, stored: false };
    this.#tail.push(entry);
    this.#tailBytes += batch.bytes.length;
    this.position = batch.last;
    this.#wake();
    return entry;
  }

  /** The batch is on disk, and with it all before it: the store commits in order. */
  stored(entry: TailEntry): void {
    entry.stored = true;
    if (entry.batch.last > this.durable) this.durable = entry.batch.last;
    while (this.#tailBytes > TAIL_BYTES && this.#tail[0]?.stored === true) {
      this.#tailBytes -= this.#tail.shift()!.batch.bytes.length;
    }
  }

  chunk(chunk: Chunk): void {
    this.#publish({ kind: 'chunk', chunk });
  }

  abort(xid: number): void {
    this.#publish({ kind: 'abort', xid });
  }

  close(): void {
    this.#closed = true;
    this.#wake();
  }

  /** Entries after the position; `read` finds the next batch in the store. */
  async *follow(
    after: bigint,
    options: FollowOptions,
    read: (after: bigint) => Batch | undefined,
  ): AsyncGenerator<Entry> {
    const queue: StreamEvent[] = [];
    if (options.streams === true) this.#streamQueues.add(queue);
    try {
      let at = after;
      while (!options.signal.aborted && !this.#closed) {
        const event = queue.shift();
        if (event !== undefined) {
          yield event;
          continue;
        }
        const batch = at < this.position ? (this.#find(at) ?? read(at)) : undefined;
        if (batch === undefined) {
          await this.#news(options.signal);
          continue;
        }
        at = batch.last;
        yield { kind: 'batch', batch };
      }
    } finally {
      this.#streamQueues.delete(queue);
    }
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

  #publish(event: StreamEvent): void {
    for (const queue of this.#streamQueues) {
      // A slow follower loses the hint only: it reads the chunks from the store at the commit.
      if (queue.length < STREAM_BACKLOG || event.kind === 'abort') queue.push(event);
    }
    this.#wake();
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
