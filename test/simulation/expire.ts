import { endOf } from '../../src/merge/expiry.ts';
import { greatest } from '../../src/merge/stamps.ts';
import type { RowVersion } from '../../src/merge/types.ts';
import { AHEAD_SECONDS } from '../../src/site/members/removal-plan.ts';
import type { SiteView } from '../../src/site/members/stability.ts';
import { simOf } from './model.ts';
import type { SimEntity } from './model.ts';
import { checkOver } from './oracle-expiry.ts';
import type { Site } from './site.ts';
import { viewsOf } from './stable.ts';
import type { World } from './world.ts';

/*
 * Rows that expire: what src/site/upkeep/expiry.ts does in a round of the agent, with the statements of src/sql/ddl/expiry-sql.ts.
 */

const AHEAD_MICROS = BigInt(AHEAD_SECONDS) * 1_000_000n;

/** A round of greetings, a step towards knowing what is stable, and the removal of what is over. */
export function expire(world: World, site: Site, durably: boolean): string {
  const { model } = world.setting;
  if (!model.some(({ policy }) => policy.expires !== undefined)) return '';
  const views = viewsOf(world, site);
  if (views !== undefined) advance(world, site, views);
  // The locks of a site that is about to leave keep it out.
  if (site.leaving !== undefined) return '';
  const removed = remove(world, site);
  if (removed.length === 0) return '';
  if (durably) site.database.flush();
  return `${removed.join(', ')} removed`;
}

/** `advance` of `ExpiredRows`. */
function advance(world: World, site: Site, views: readonly SiteView[]): void {
  const { removal } = site;
  const asked = world.setting.planted === 'expire-by-own' ? [site.view()] : views;
  if (removal.waiting) {
    removal.advance(asked);
    return;
  }
  const soon = world.clock(site) + AHEAD_MICROS;
  const stamps = [...expiring(world, site)]
    .filter(({ sim, row }) => isOver(sim, row, soon))
    .map(({ row }) => newest(row));
  const upTo = greatest([0n, ...stamps]);
  if (!removal.isNews(upTo)) return;
  if (world.setting.planted !== 'expire-untold') site.follow(upTo);
  removal.begin(upTo, asked);
}

interface Expiring {
  sim: SimEntity;
  id: string;
  row: RowVersion;
}

function* expiring(world: World, { database }: Site): Iterable<Expiring> {
  for (const [id, row] of database.state.rows) {
    const sim = simOf(world.setting.model, id);
    if (sim.policy.expires !== undefined) yield { sim, id, row };
  }
}

function isOver({ policy }: SimEntity, row: RowVersion, moment: bigint): boolean {
  const end = endOf(policy, row);
  return end !== undefined && end < moment;
}

/** The greatest stamp of a row. */
function newest(row: RowVersion): bigint {
  return greatest([row.birth, ...row.stamps]);
}

/** `remove` of `ExpiredRows`: its session writes as a replica, under a replication origin. */
function remove(world: World, site: Site): string[] {
  const { removal, database } = site;
  const { planted } = world.setting;
  const early =
    planted === 'expire-unstable' ||
    (planted === 'expire-when-everywhere' && isEverywhere(world, site));
  const stable = early ? 1n << 62n : removal.stable;
  if (stable === 0n) return [];
  const [clock, since] = [world.clock(site), removal.since()];
  const { state } = database;
  const gone: string[] = [];
  for (const { sim, id, row } of expiring(world, site)) {
    if (!isOver(sim, row, clock)) continue;
    if ((planted === 'expire-by-birth' ? row.birth : newest(row)) > stable) continue;
    if (since !== undefined && endOf(sim.policy, row)! < BigInt(since) * 1000n) continue;
    checkOver(sim, { id, row, clock });
    state.rows.delete(id);
    state.removed.set(id, { row, clock });
    if (planted === 'expire-with-tombstone') {
      state.tombstones.set(id, { birth: row.birth, stamp: newest(row) });
    }
    gone.push(id);
  }
  removal.looked(Number(clock / 1000n), true);
  if (gone.length > 0) state.lsn += 16n;
  return gone;
}

/** As a planted bug: every site has what this one has, which is taken for stable. */
function isEverywhere(world: World, { number, database }: Site): boolean {
  const { progress, ledger } = database.state;
  const here = new Map(progress).set(number, ledger.at(-1)?.position ?? 0n);
  return world.sites.every((other) =>
    [...here].every(
      ([origin, position]) =>
        origin === other.number || other.database.durableProgress(origin) >= position,
    ),
  );
}

/** What a base copy leaves out, as a planted bug: rows that are over by the clock of the giver. */
export function withoutOver(world: World, site: Site): Map<string, RowVersion> {
  const rows = new Map(site.database.state.rows);
  const clock = world.clock(site);
  for (const { sim, id, row } of expiring(world, site)) {
    if (isOver(sim, row, clock)) rows.delete(id);
  }
  return rows;
}
