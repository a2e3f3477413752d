import { expire } from './expire.ts';
import { simOf } from './model.ts';
import { endOf } from './oracle-expiry.ts';
import type { Site } from './site.ts';
import { trim } from './stable.ts';
import { Violation } from './violation.ts';
import type { World } from './world.ts';

/** Greetings of each site in which everything must become stable that stands still. */
const MAX_GREETINGS = 12;

/**
 * When nothing is under way any more, and nobody is about to join or waited for in vain, every site forgets all of its
 * tombstones and histories, and when all times are over, all rows that expire.
 *
 * @throws Violation when a site waits for ever
 */
export function checkSettles(world: World): void {
  const sites = world.survivors();
  const numbers = sites.map(({ number }) => number);
  if (!sites.every((site) => site.others().every((other) => numbers.includes(other)))) return;
  for (const { database, agent } of sites) {
    database.flush();
    agent.journal.store();
  }
  for (let count = 0; count < MAX_GREETINGS; count++) for (const site of sites) trim(world, site);
  checkGo(world, sites);
  for (const { number, database } of sites) {
    const { tombstones, history } = database.state;
    if (tombstones.size === 0 && history.size === 0) continue;
    throw new Violation(`site ${number} waits for ever until what it has is stable`);
  }
}

/** µs after which every drawn time is over. */
const LONG = 400 * 24 * 3_600_000_000;
/** As above; what was waited for before can be less than what there is. */
const MAX_ROUNDS = 20;

/** When its time is over, every row goes. */
function checkGo(world: World, sites: readonly Site[]): void {
  const { model } = world.setting;
  if (model.every(({ policy }) => policy.expires === undefined)) return;
  for (const site of sites) site.offset += LONG;
  for (let count = 0; count < MAX_ROUNDS; count++) {
    for (const site of sites) expire(world, site, true);
  }
  for (const { number, database } of sites) {
    for (const [id, row] of database.state.rows) {
      const sim = simOf(model, id);
      if (sim.policy.expires === undefined || endOf(sim, row) === undefined) continue;
      throw new Violation(`row ${id} at site ${number} stays for ever, though its time is over`);
    }
  }
}
