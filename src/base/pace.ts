import type { EventLoopUtilization } from 'node:perf_hooks';

/** Share of the time that this process has work to do, above which it counts as busy. */
const BUSY = 0.5;
/** Items a second below which it is not they that make it busy, and above which they are gathered anyway. */
const FEW = 200;
const MANY = 400;
/** Share and rate are measured over at least so long. */
const WINDOW_MS = 40;

/**
 * Spaces out work that costs the same for one item as for a hundred. While items come one by one and the
 * process has time to spare it never waits; else each run waits for an interval since the last one, and
 * then there is more to do at once. The rate counts as well as the process's own load, since what runs
 * cost they also cost others: the database has to share the cores.
 */
export class Pace {
  readonly #intervalMs: number;
  readonly #isBusy: (items: number) => boolean;
  #lastRun = -Infinity;

  /**
   * @param intervalMs time between two runs while busy
   * @param isBusy for tests
   */
  constructor(intervalMs: number, isBusy: (items: number) => boolean = isBusyHere()) {
    this.#intervalMs = intervalMs;
    this.#isBusy = isBusy;
  }

  /**
   * How long to wait before the next run, ms. It counts as run when it is asked.
   *
   * @param items what has come since it was asked last
   */
  next(items: number): number {
    const now = performance.now();
    const wait = this.#isBusy(items) ? Math.max(0, this.#lastRun + this.#intervalMs - now) : 0;
    this.#lastRun = now + wait;
    return wait;
  }

  /**
   * For work that has just been done with all that there was: how long to let it gather before the next run, ms.
   *
   * @param items what was done
   */
  rest(items: number): number {
    return this.#isBusy(items) ? this.#intervalMs : 0;
  }
}

/** Looks at the rate of items, and at the time in which the event loop had work. */
function isBusyHere(): (items: number) => boolean {
  let since: EventLoopUtilization = performance.eventLoopUtilization();
  let at = performance.now();
  let count = 0;
  let busy = false;
  return (items) => {
    count += items;
    const now = performance.now();
    const elapsed = now - at;
    if (elapsed < WINDOW_MS) return busy;
    const share = performance.eventLoopUtilization(since).utilization;
    const rate = (count * 1000) / elapsed;
    busy = rate > MANY || (rate > FEW && share > BUSY);
    since = performance.eventLoopUtilization();
    at = now;
    count = 0;
    return busy;
  };
}
