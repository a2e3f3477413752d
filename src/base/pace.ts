/** Runs that may follow each other at once after a quiet time. */
const BURST = 10;

/**
 * Spaces out work that costs the same for one item as for a hundred (a token bucket): while work is rare
 * it never waits, while it comes fast each waits for an interval, and then there is more to do at once.
 */
export class Pace {
  readonly #intervalMs: number;
  #tokens = BURST;
  #refilledAt = performance.now();

  /** @param intervalMs time between two runs under load */
  constructor(intervalMs: number) {
    this.#intervalMs = intervalMs;
  }

  /** How long to wait before the next run, ms. It counts as run when it is asked. */
  next(): number {
    const now = performance.now();
    const refilled = this.#tokens + (now - this.#refilledAt) / this.#intervalMs;
    this.#tokens = Math.min(BURST, refilled) - 1;
    this.#refilledAt = now;
    return this.#tokens >= 0 ? 0 : -this.#tokens * this.#intervalMs;
  }
}
