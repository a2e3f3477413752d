import { describeError } from '../../base/errors.ts';
import type { ErrorNote } from '../../base/errors.ts';

/** What fails for so long is told: not what ends by itself in the next moment, such as a restart of the server, ms. */
const LASTING_MS = 10_000;
/** Collecting tombstones is tried once in several rounds: a failure counts for so long, ms. */
const KEPT_MS = 60_000;

interface Failure {
  /** `Date.now()` of the first time and of the last one. */
  since: number;
  last: number;
  message: string;
}

/**
 * What an agent does beside capture and apply, in sessions of its own: what fails there is seen nowhere else. Told as a
 * problem while it lasts.
 */
export class Upkeep {
  readonly #failures = new Map<string, Failure>();

  /** @param what the work, as the problem names it; `now` by `Date.now()` */
  failed(what: string, error: unknown, now = Date.now()): void {
    const before = this.#failures.get(what);
    const lasts = before !== undefined && now - before.last < KEPT_MS;
    const since = lasts ? before.since : now;
    this.#failures.set(what, { since, last: now, message: `${what}: ${describeError(error)}` });
  }

  /** The work was done. */
  done(what: string): void {
    this.#failures.delete(what);
  }

  /** What has failed for some time, and was not done since. */
  problems(now = Date.now()): ErrorNote[] {
    return [...this.#failures.values()]
      .filter(({ since, last }) => last - since >= LASTING_MS && now - last < KEPT_MS)
      .map(({ since, message }) => ({ at: new Date(since).toISOString(), message }));
  }
}
