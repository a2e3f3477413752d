import type { Pace } from '../../base/pace.ts';
import { Fold } from './fold.ts';

/** Limits of one target transaction, and so of what a fold keeps in memory. */
const MAX_CHANGES = 16_000;
const MAX_BYTES = 8 * 1024 * 1024;
/** Folds that may wait while one is being applied. */
const MAX_WAITING = 2;

/** Consecutive transactions of the origin that one target transaction will apply. */
export interface PendingFold {
  fold: Fold;
  /** Position of the last transaction in it. */
  position: bigint;
  /** Commit time of that transaction at the origin, µs since 2000-01-01. */
  commitTime: bigint;
  transactions: number;
}

/**
 * Hands folds from the reader to the writer. While the writer is busy the reader folds on, so load makes
 * big transactions and an idle system makes small ones, with no timer in between. The reader waits when
 * the writer is so far behind that the limits are reached.
 */
export class PendingFolds {
  readonly #closed: PendingFold[] = [];
  #open: PendingFold | undefined;
  #wakeWriter: (() => void) | undefined;
  #wakeReader: (() => void) | undefined;
  #ended = false;

  /** The fold that the reader adds to. */
  current(): PendingFold {
    this.#open ??= { fold: new Fold(), position: 0n, commitTime: 0n, transactions: 0 };
    return this.#open;
  }

  /**
   * Says that whole transactions up to the position were added to the current fold.
   *
   * @returns the fold if it is full: nothing is added to it any more
   */
  added(batch: {
    position: bigint;
    commitTime: bigint;
    transactions: number;
  }): PendingFold | undefined {
    const open = this.current();
    open.position = batch.position;
    open.commitTime = batch.commitTime;
    open.transactions += batch.transactions;
    const full = open.fold.changes >= MAX_CHANGES || open.fold.bytes >= MAX_BYTES;
    if (full) this.#close();
    this.#wakeWriter?.();
    return full ? open : undefined;
  }

  /** Settles when there is room for another fold. */
  async room(): Promise<void> {
    while (this.#closed.length >= MAX_WAITING && !this.#ended) {
      await new Promise<void>((resolve) => (this.#wakeReader = resolve));
    }
  }

  /** Settles when everything that was added has been taken by the writer and finished. */
  async drained(): Promise<void> {
    this.#draining = true;
    this.#wakeWriter?.();
    while ((this.#closed.length > 0 || this.#open !== undefined || this.#busy) && !this.#ended) {
      await new Promise<void>((resolve) => (this.#wakeReader = resolve));
    }
    this.#draining = false;
  }

  #busy = false;
  #draining = false;

  /**
   * The next fold to apply; undefined when nothing came within the time, or after the end. Small folds
   * are left to grow as the pace says.
   */
  async take(timeoutMs: number, pace: Pace): Promise<PendingFold | undefined> {
    this.#busy = false;
    this.#wakeReader?.();
    if (this.#closed.length === 0 && !this.#ready()) await this.#arrival(timeoutMs);
    if (this.#closed.length === 0 && this.#ready())
      await this.#growth(pace.next(this.#open!.transactions));
    if (this.#closed.length === 0 && this.#ready()) this.#close();
    const next = this.#closed.shift();
    this.#busy = next !== undefined;
    this.#wakeReader?.();
    return next;
  }

  /** The full fold that the writer takes next, if there is one. */
  next(): PendingFold | undefined {
    return this.#closed[0];
  }

  /** Wakes both sides for good. */
  end(): void {
    this.#ended = true;
    this.#wakeWriter?.();
    this.#wakeReader?.();
  }

  ended(): boolean {
    return this.#ended;
  }

  #ready(): boolean {
    return this.#open !== undefined && this.#open.position !== 0n;
  }

  #close(): void {
    if (this.#open !== undefined) this.#closed.push(this.#open);
    this.#open = undefined;
  }

  /** Waits, but not when the fold is full or somebody waits for what was added. */
  async #growth(waitMs: number): Promise<void> {
    const end = performance.now() + waitMs;
    while (this.#closed.length === 0 && !this.#ended && !this.#draining) {
      const left = end - performance.now();
      if (left <= 0) return;
      await this.#arrival(left);
    }
  }

  async #arrival(timeoutMs: number): Promise<void> {
    if (this.#ended) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, timeoutMs);
      this.#wakeWriter = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wakeWriter = undefined;
  }
}
