import { greet } from './membership.ts';
import type { Site } from './site.ts';
import type { World } from './world.ts';

/*
 * How a site leaves in order (src/site/members/leave.ts), in the steps between which others may act: its writers are stopped;
 * the others have all of it and are told; it is gone. Or it gives up, and writers go on. And how a member that is gone
 * for good is removed (src/site/members/remove.ts).
 */

/** Stops the writers for the last of what is handed over. @param away members that need not take it */
export function lock(world: World, site: Site, away: readonly number[]): string {
  if (site.leaving !== undefined || site.others().some((one) => isJoining(site, one))) return '';
  const takers: number[] = [];
  for (const number of site.peers()) {
    if (away.includes(number)) continue;
    const peer = world.reached(number);
    if (peer === undefined || !greet(site, peer)) return '';
    takers.push(number);
  }
  if (takers.length === 0) return '';
  site.leaving = { takers, end: site.database.wal.length };
  return `to ${takers.join(', ')}`;
}

function isJoining(site: Site, number: number): boolean {
  return site.members.get(number) === 'joining';
}

/** Tells some members that the site has left, if all that take it over have all. */
export function leave(world: World, site: Site, told: readonly number[]): string {
  if (site.leaving === undefined) return '';
  if (!isTaken(world, site)) return '';
  const reached = site.leaving.takers
    .filter((number) => told.includes(number))
    .map((number) => world.reached(number));
  for (const peer of reached) {
    peer?.learn(site.members);
    peer?.learn(new Map([[site.number, 'left']]));
  }
  if (reached.every((peer) => peer === undefined)) return '';
  world.gone.add(site.number);
  return 'done';
}

/** `taken` of src/site/members/leave.ts, once the WAL up to where writers were stopped is in the journal. */
function isTaken(world: World, { leaving, agent, number }: Site): boolean {
  const { planted } = world.setting;
  if (planted === 'leave-early') return true;
  if (agent.confirmed < leaving!.end) return false;
  const takers = leaving!.takers.map((taker) => world.find(taker)!);
  const goal = agent.journal.position(number);
  // A member that is away gets it from their journals.
  const isStored = takers.every((taker) => taker.agent.journal.durable(number) >= goal);
  if (!isStored && planted !== 'leave-unstored') return false;
  const others = agent.journal.origins().filter((origin) => !leaving!.takers.includes(origin));
  return [number, ...others].every((origin) => {
    const wanted = agent.journal.position(origin);
    return takers.every(({ database }) => database.durableProgress(origin) >= wanted);
  });
}

/** Writers go on. */
export function unlock(site: Site): string {
  if (site.leaving === undefined) return '';
  site.leaving = undefined;
  return 'done';
}

/** A member that no other hears of is none any more. What any other has of it counts. */
export function remove(world: World, site: Site, gone: number): string {
  const state = site.members.get(gone);
  if (gone === site.number || state === undefined || state === 'left') return '';
  site.learn(new Map([[gone, 'left']]));
  world.removed.add(gone);
  return 'done';
}
