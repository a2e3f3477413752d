import type { Positions } from './protocol.ts';
import type { ComparedSite } from './remote.ts';

export interface ExchangeOptions {
  /** Sites that are compared: each has to apply what any of them has. */
  sites: readonly ComparedSite[];
  /** Other members that can be asked how far they are; one that does not answer is left out. */
  witnesses: readonly ComparedSite[];
  /** Longest wait for a site to apply what the others have, ms. */
  waitMs: number;
}

/**
 * Waits until every compared site has applied all that was visible at any of them before the call. False
 * when one does not in time.
 */
export async function exchanged({ sites, witnesses, waitMs }: ExchangeOptions): Promise<boolean> {
  const deadline = performance.now() + waitMs;
  const [compared, others] = await Promise.all([
    Promise.all(sites.map((site) => positionsOf(site))),
    Promise.all(witnesses.map((site) => positionsOf(site).catch(() => undefined))),
  ]);
  const wanted = wantedPositions(
    compared,
    others.filter((one) => one !== undefined),
  );
  const reached = await Promise.all(sites.map((site) => site.reach(wanted, deadline)));
  return reached.every(Boolean);
}

/** A site's own position and how far it has the others. */
export interface SitePositions {
  site: number;
  positions: Positions;
}

async function positionsOf(site: ComparedSite): Promise<SitePositions> {
  return { site: site.number, positions: await site.positions() };
}

/**
 * By origin, the position to be reached. What the origin says itself counts: it covers all that others can
 * have of it, and is the end of a transaction, while a site that has joined counts from where its base copy
 * ends, which no other site reaches before the origin writes again. Of an origin that does not answer it is
 * the most that a compared site has.
 */
export function wantedPositions(
  compared: readonly SitePositions[],
  witnesses: readonly SitePositions[],
): Positions {
  const wanted = new Map<number, bigint>();
  for (const [origin, text] of compared.flatMap(({ positions }) => positions)) {
    const position = BigInt(text);
    if (position > (wanted.get(origin) ?? -1n)) wanted.set(origin, position);
  }
  for (const { site, positions } of [...compared, ...witnesses]) {
    const own = positions.find(([origin]) => origin === site);
    if (own !== undefined) wanted.set(site, BigInt(own[1]));
  }
  return [...wanted].map(([origin, position]) => [origin, position.toString()]);
}
