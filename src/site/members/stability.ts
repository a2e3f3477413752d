import type { Mark } from './marks.ts';

/** One site as this one sees it after an exchange of greetings that this site began. */
export interface SiteView {
  number: number;
  mark: Mark;
  /** Up to where it has each other origin on disk in its database. */
  applied: ReadonlyMap<number, bigint>;
  /** Origins that have left the group and are not applied there as far as their changes are there. */
  pending?: readonly number[];
  /** Which revisions of models it has, as `modelsHash` writes them; undefined of a site that does not say. */
  models?: string;
}

/** A mark that is set after we ask is complete when the sequence has grown by two: one may be under way. */
const NEWER = 2;

/**
 * Finds out that everything which this site had at a moment is **stable**: known at every site, with
 * nothing on its way that was made without knowing it. Three times: every site sets a mark, and every site
 * applies all of the others up to their marks.
 *
 * 1. Every site has what this site had. Its stamps are greater from then on (the floor, ARCHITECTURE.md §3), except in
 *    transactions that were in progress; the next marks come after those. The site that wrote the greatest stamp
 *    itself has no floor from it, and its clock may be behind, or set back: so greetings say which stamp is meant,
 *    and no mark counts of a site that does not stamp after it yet (follow.ts).
 * 2. Every site has every tombstone with a stamp up to the greatest that this site had.
 * 3. Every site has every change that was made without knowing them.
 *
 * Pure: the caller passes views, each from an exchange that it began after the call before.
 */
export class Stability {
  static readonly ROUNDS = 3;
  readonly #members: string;
  #round = 0;
  #asked: ReadonlyMap<number, number> | undefined;
  #marks: Map<number, bigint> | undefined;

  /** @param sites all sites of the group, this one too */
  constructor(sites: readonly SiteView[]) {
    this.#members = key(sites);
  }

  /** `lost` when the group is not the same any more: begin anew. */
  advance(sites: readonly SiteView[]): 'waiting' | 'stable' | 'lost' {
    if (key(sites) !== this.#members) return 'lost';
    if (this.#asked === undefined) {
      this.#asked = new Map(sites.map((site) => [site.number, site.mark.sequence]));
      return 'waiting';
    }
    this.#marks ??= this.#complete(sites);
    if (this.#marks === undefined || !appliedByAll(sites, this.#marks)) return 'waiting';
    this.#round += 1;
    this.#asked = undefined;
    this.#marks = undefined;
    return this.#round === Stability.ROUNDS ? 'stable' : 'waiting';
  }

  /** The positions of marks that were set after we asked, once all sites have one. */
  #complete(sites: readonly SiteView[]): Map<number, bigint> | undefined {
    const set = (site: SiteView): boolean =>
      site.mark.sequence >= this.#asked!.get(site.number)! + NEWER;
    if (!sites.every(set)) {
      // An agent that was started again counts from 0.
      const restarted = sites.find((site) => site.mark.sequence < this.#asked!.get(site.number)!);
      if (restarted !== undefined) this.#asked = undefined;
      return undefined;
    }
    return new Map(sites.map((site) => [site.number, site.mark.position]));
  }
}

function appliedByAll(sites: readonly SiteView[], marks: ReadonlyMap<number, bigint>): boolean {
  return sites.every((site) =>
    [...marks].every(
      ([origin, position]) =>
        origin === site.number || (site.applied.get(origin) ?? 0n) >= position,
    ),
  );
}

function key(sites: readonly SiteView[]): string {
  return sites
    .map((site) => site.number)
    .sort((one, other) => one - other)
    .join(',');
}
