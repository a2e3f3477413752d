import { setTimeout as delay } from 'node:timers/promises';
import type { SlotCalls } from '../postgres/slot-calls.ts';
import { LoadGauge } from './load-gauge.ts';
import type { Feed, Source } from './source.ts';

/**
 * Between two calls at least so long, so many times what the last one took, and at most so long: calls are for when cores
 * are short, and each call flushes files of the slot and of its snapshots, for which every commit has to wait.
 */
const BETWEEN_MS = 100;
const BETWEEN_SHARE = 9;
const BETWEEN_MAX_MS = 300;
/** WAL that each call would read again, beyond which a walsender, which reads it once, is better. */
const TOO_MUCH_AGAIN = 256n * 1024n * 1024n;
/** Waits between two points in the WAL where calls can begin: what comes after the last but one is read again each time. */
const POINT_WAITS = 4;

/** So long a walsender stays after a large transaction came, and where too much would be read again, ms. */
const LARGE_MS = 5000;
const AGAIN_MS = 60_000;

export interface CallOptions {
  calls: Pick<SlotCalls, 'begin' | 'read' | 'confirm' | 'logRunning' | 'pause' | 'resume'>;
  /** Transactions that committed before it are left out. */
  after: bigint;
}

/**
 * Calls of SQL as source, for times of load and for what was written while the agent was down: much cheaper than a
 * walsender, but later, and of no use for a transaction that is so large that it is sent while it runs.
 */
export class CallSource implements Source {
  readonly #options: CallOptions;
  readonly #feed: Feed;
  readonly #gauge = new LoadGauge(true);
  readonly #stop = new AbortController();
  #resume: (() => void) | undefined;
  #resumed: Promise<void> = Promise.resolve();
  #confirmedAt = performance.now();
  /** The last wait between two calls, ms. */
  #between = BETWEEN_MS;
  /** For so long calls are of no use, ms: known when it ended. */
  uselessMs = 0;

  private constructor(options: CallOptions, feed: Feed) {
    this.#options = options;
    this.#feed = feed;
  }

  static async open(options: CallOptions, feed: Feed): Promise<CallSource> {
    await options.calls.begin(options.after);
    return new CallSource(options, feed);
  }

  async run(): Promise<void> {
    const { signal } = this.#stop;
    const { calls } = this.#options;
    while (!signal.aborted) {
      const start = performance.now();
      const { end, flushed, more, again, synchronous } = await calls.read((bytes, at) => {
        if (!signal.aborted) this.#feed.message(bytes, at);
      });
      if (signal.aborted) return;
      if (this.#feed.busy) {
        // A large transaction in progress: each call would begin it anew.
        this.uselessMs = LARGE_MS;
        return;
      }
      this.#feed.flush();
      this.#feed.readTo(end);
      this.#feed.looked(flushed, start);
      if (synchronous) return;
      const now = performance.now();
      const busy = this.#gauge.look(end, now);
      if (again > TOO_MUCH_AGAIN) {
        this.uselessMs = AGAIN_MS;
        return;
      }
      if (!busy && !more) return;
      await this.#resumed;
      await this.#confirmSlot(now);
      if (!more) await this.#wait(now - start);
    }
  }

  /** @param took of the last call, ms */
  async #wait(took: number): Promise<void> {
    this.#between = restAfter(took);
    await delay(this.#between, undefined, { signal: this.#stop.signal }).catch(() => undefined);
  }

  async #confirmSlot(now: number): Promise<void> {
    if (now - this.#confirmedAt < POINT_WAITS * this.#between) return;
    this.#confirmedAt = now;
    const { calls } = this.#options;
    await calls.logRunning();
    await calls.confirm(this.#feed.advance().position);
  }

  pause(): void {
    this.#options.calls.pause();
    if (this.#resume === undefined) this.#resumed = new Promise((done) => (this.#resume = done));
  }

  resume(): void {
    this.#options.calls.resume();
    this.#resume?.();
    this.#resume = undefined;
  }

  /** Done between two calls. */
  confirm(): void {}

  close(): void {
    this.#stop.abort();
    this.resume();
  }
}

/** How long to wait after a call that took so long, ms. */
export function restAfter(took: number): number {
  return Math.min(Math.max(BETWEEN_MS, BETWEEN_SHARE * took), BETWEEN_MAX_MS);
}
