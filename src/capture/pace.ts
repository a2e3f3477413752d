/** Time between two runs under load. */
const INTERVAL_MS = 5;
/** Runs that may follow each other at once after a quiet time. */
const BURST = 10;

/**
 * Runs work when it is asked for, but not all the time: at once while requests are rare, at intervals
 * while they come fast (a token bucket). What costs the same for one transaction as for a hundred then
 * waits for the hundred, and a single transaction never waits.
 */
export class Pace {
  readonly #work: () => void;
  #tokens = BURST;
  #refilledAt = performance.now();
  #timer: NodeJS.Timeout | undefined;

  constructor(work: () => void) {
    this.#work = work;
  }

  request(): void {
    if (this.#timer !== undefined) return;
    this.#refill();
    if (this.#tokens >= 1) {
      this.#tokens -= 1;
      this.#work();
      return;
    }
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#tokens = 0;
      this.#refilledAt = performance.now();
      this.#work();
    }, INTERVAL_MS);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #refill(): void {
    const now = performance.now();
    this.#tokens = Math.min(BURST, this.#tokens + (now - this.#refilledAt) / INTERVAL_MS);
    this.#refilledAt = now;
  }
}
