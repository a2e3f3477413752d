import { greatest } from '../../src/merge/stamps.ts';
import { areSettled } from '../../src/site/members/departed.ts';
import { Stability } from '../../src/site/members/stability.ts';
import type { SiteView } from '../../src/site/members/stability.ts';
import { trimHistories } from './apply-history.ts';
import type { DatabaseState } from './database.ts';
import { happenedBefore, stampsOf } from './ledger.ts';
import type { Acknowledged } from './ledger.ts';
import { greet } from './membership.ts';
import type { Site } from './site.ts';
import type { World } from './world.ts';

/*
 * What is known to be stable (src/site/members/stability.ts), and what is forgotten then.
 */

/**
 * A round of greetings with all sites, as src/site/members/members.ts has them, and what follows from it. Every site
 * sets a mark in it whose journal has all of its transactions on disk.
 */
export function trim(world: World, site: Site): string {
  const views = viewsOf(world, site);
  if (views === undefined) return '';
  const { state } = site.database;
  if (site.run === undefined) {
    const changes = [...state.history.values()].flatMap(({ base, changes }) => [
      ...(base?.row?.stamps ?? []),
      ...changes.map(({ stamp }) => stamp),
    ]);
    const stamps = [...changes, ...[...state.tombstones.values()].map(({ stamp }) => stamp)];
    if (stamps.length === 0) return '';
    const upTo = greatest(stamps);
    site.run = { upTo, stability: new Stability(views) };
    site.follow(upTo);
  }
  const { upTo, stability } = site.run;
  const round = stability.advance(views);
  const early = world.setting.planted === 'trim-too-early' && isEverywhere(world, site);
  if (round === 'waiting' && !early) return '';
  site.run = undefined;
  if (round === 'lost') return '';
  const collected = collect(state, upTo);
  const trimmed = trimHistories({ ...world.setting, state }, upTo);
  return `${collected} tombstones, ${trimmed} histories up to ${upTo}`;
}

/** Deletes the tombstones up to a stamp (src/site/upkeep/tombstones.ts). */
function collect(state: DatabaseState, upTo: bigint): number {
  if (upTo > state.collected) state.collected = upTo;
  const old = [...state.tombstones].filter(([, { stamp }]) => stamp <= upTo);
  for (const [row] of old) state.tombstones.delete(row);
  return old.length;
}

/** `views` of src/site/members/members.ts: undefined while a member did not answer, or what one left is under way. */
export function viewsOf(world: World, site: Site): SiteView[] | undefined {
  const { planted } = world.setting;
  const answers = new Map<number, SiteView>();
  for (const number of site.peers()) {
    const peer = world.reached(number);
    if (peer !== undefined && greet(site, peer)) answers.set(number, peer.view());
  }
  const members = planted === 'stable-without-joining' ? site.peers() : site.holders();
  const views = [site.view()];
  for (const number of members) {
    const view = answers.get(number);
    if (view === undefined) return undefined;
    views.push(view);
  }
  if (planted === 'stable-without-departed') return views;
  return areSettled(site.departed(), views) ? views : undefined;
}

/** As a planted bug: every site has what this site made, which is taken for stable. */
function isEverywhere(world: World, site: Site): boolean {
  const last = site.database.state.ledger.at(-1)?.position ?? 0n;
  return world.sites.every(
    (one) => one === site || (one.database.state.progress.get(site.number) ?? 0n) >= last,
  );
}

/**
 * The greatest stamp up to which everything is stable, by what is really on disk everywhere: known at every
 * site, with nothing on its way that was made without knowing it.
 */
export function stableStamp(world: World): bigint {
  const all = world.sites.flatMap((site) => site.database.state.ledger);
  const copies = [...world.copies.values()].map(({ state }) => state.progress);
  const isEverywhere = (one: Acknowledged): boolean =>
    world
      .survivors()
      .every(
        ({ number, database }) =>
          number === one.site || database.durableProgress(one.site) >= one.position,
      ) && copies.every((progress) => (progress.get(one.site) ?? 0n) >= one.position);
  const underWay = all.filter((one) => !isEverywhere(one));
  let stable = 0n;
  let first: bigint | undefined;
  for (const one of all) {
    const isKnown = underWay.every((other) => other !== one && happenedBefore(one, other));
    for (const stamp of one.writes.flatMap(stampsOf)) {
      if (stamp > stable) stable = stamp;
      if (!isKnown && (first === undefined || stamp < first)) first = stamp;
    }
  }
  return first === undefined || first > stable ? stable : first - 1n;
}
