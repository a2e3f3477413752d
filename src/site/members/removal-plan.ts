import { Stability } from './stability.ts';
import type { SiteView } from './stability.ts';

/** A row's stamps are made stable so many seconds before its time, so that it goes when its time comes. */
export const AHEAD_SECONDS = 60;
/** A look at what came due begins so long before the last one: its clock and its locks are not ours. */
const OVERLAP_MS = 60_000;

/**
 * Which rows a site may remove that are over, and among which it has to look for them. Pure: the caller reads rows and
 * clocks, and removes (expiry.ts).
 */
export class RemovalPlan {
  #run: { upTo: bigint; stability: Stability } | undefined;
  #stable = 0n;
  /** When rows were looked for last, in ms by the database's clock; undefined: all of them are to be looked at. */
  #looked: number | undefined;

  /** True while it waits for news of the other sites. */
  get waiting(): boolean {
    return this.#run !== undefined;
  }

  /** The stamp up to which everything is wanted to be stable; 0n when nothing is waited for. */
  get wanted(): bigint {
    return this.#run?.upTo ?? 0n;
  }

  /** Everything up to this stamp is stable; a group that changes since makes that no less true. */
  get stable(): bigint {
    return this.#stable;
  }

  /**
   * Whether it has to be found out that a row is stable which is over soon. If not, all rows are looked at again: it can
   * be one that was over long ago and came back as it was, with a write that changed nothing or in a crash.
   *
   * @param stamp the greatest of all that are over soon; 0n of none
   */
  isNews(stamp: bigint): boolean {
    if (stamp > this.#stable) return true;
    if (stamp > 0n) this.#looked = undefined;
    return false;
  }

  /**
   * Begins to find that out.
   *
   * @param sites every site of the group
   */
  begin(upTo: bigint, sites: readonly SiteView[]): void {
    this.#run = { upTo, stability: new Stability(sites) };
  }

  /** Takes a step; `sites` are from an exchange that began after the call before. */
  advance(sites: readonly SiteView[]): void {
    if (this.#run === undefined) return;
    const state = this.#run.stability.advance(sites);
    if (state === 'waiting') return;
    if (state === 'stable') {
      this.#stable = this.#run.upTo;
      this.#looked = undefined;
    }
    this.#run = undefined;
  }

  /** Begins anew: what was found out does not hold any more. */
  forget(): void {
    this.#run = undefined;
    this.#stable = 0n;
    this.#looked = undefined;
  }

  /** From when on a row's time must have been over to be looked at, in ms; undefined: all rows. */
  since(): number | undefined {
    return this.#looked === undefined ? undefined : this.#looked - OVERLAP_MS;
  }

  /** Rows were looked at that were over at `now`, in ms; `whole`: all that may go are gone. */
  looked(now: number, whole: boolean): void {
    this.#looked = whole ? now : undefined;
  }
}
