import type { EventLoopUtilization } from 'node:perf_hooks';

/** Share of the time that this process has work to do, above which it counts as busy. */
const BUSY = 0.5;
/** The share is measured over at least so long. */
const WINDOW_MS = 20;

/**
 * Spaces out work that costs the same for one item as for a hundred. While the process has time to spare
 * it never waits; when it is busy each run waits for an interval since the last one, and then there is
 * more to do at once.
 */
export class Pace {
  readonly #intervalMs: number;
  readonly #isBusy: () => boolean;
  #lastRun = -Infinity;

  /**
   * @param intervalMs time between two runs while busy
   * @param isBusy for tests
   */
  constructor(intervalMs: number, isBusy: () => boolean = loopIsBusy()) {
    this.#intervalMs = intervalMs;
    this.#isBusy = isBusy;
  }

  /** How long to wait before the next run, ms. It counts as run when it is asked. */
  next(): number {
    const now = performance.now();
    const busy = this.#isBusy();
    const wait = busy ? Math.max(0, this.#lastRun + this.#intervalMs - now) : 0;
    this.#lastRun = now + wait;
    return wait;
  }
}

/** Looks at the share of time in which the event loop had work (`performance.eventLoopUtilization`). */
function loopIsBusy(): () => boolean {
  let since: EventLoopUtilization = performance.eventLoopUtilization();
  let at = performance.now();
  let busy = false;
  return () => {
    const now = performance.now();
    if (now - at < WINDOW_MS) return busy;
    busy = performance.eventLoopUtilization(since).utilization > BUSY;
    since = performance.eventLoopUtilization();
    at = now;
    return busy;
  };
}
