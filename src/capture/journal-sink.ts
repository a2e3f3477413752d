import type { Batch, Chunk, Journal } from '../journal/journal.ts';
import type { BatchSink } from './batcher.ts';

/** Bytes that the journal has not stored yet, beyond which nothing more is read, and below which reading goes on. */
const HIGH_WATER = 16 * 1024 * 1024;
const LOW_WATER = 4 * 1024 * 1024;

export interface JournalSinkOptions {
  journal: Journal;
  site: number;
  /** A batch that ends at the position is on its way. */
  made: (position: bigint) => void;
  /** Reading stops while the journal is behind. */
  pause: () => void;
  resume: () => void;
  /** Nothing is on its way any more. */
  settled: () => void;
  failed: (error: unknown) => void;
}

/** Gives batches and chunks to the journal, and says when it is behind. */
export class JournalSink implements BatchSink {
  readonly #options: JournalSinkOptions;
  #bytes = 0;
  #pending = 0;
  #paused = false;

  constructor(options: JournalSinkOptions) {
    this.#options = options;
  }

  /** What is on its way: not on disk yet. */
  get pending(): number {
    return this.#pending;
  }

  get paused(): boolean {
    return this.#paused;
  }

  batch(batch: Batch): void {
    const { journal, made } = this.#options;
    made(batch.last);
    this.#track(batch.bytes.length, journal.append(batch));
  }

  chunk(chunk: Chunk): void {
    this.#track(chunk.bytes.length, this.#options.journal.appendChunk(chunk));
  }

  abort(xid: number): void {
    const { journal, site } = this.#options;
    this.#track(0, journal.abortStream(site, xid));
  }

  #track(bytes: number, work: Promise<void>): void {
    this.#bytes += bytes;
    this.#pending += 1;
    if (this.#bytes > HIGH_WATER && !this.#paused) {
      this.#paused = true;
      this.#options.pause();
    }
    work.then(
      () => this.#stored(bytes),
      (error: unknown) => this.#options.failed(error),
    );
  }

  #stored(bytes: number): void {
    this.#bytes -= bytes;
    this.#pending -= 1;
    if (this.#bytes < LOW_WATER && this.#paused) {
      this.#paused = false;
      this.#options.resume();
    }
    if (this.#pending === 0) this.#options.settled();
  }
}
