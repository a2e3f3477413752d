import { addDifference } from '../../src/merge/decimal.ts';
import { greatest } from '../../src/merge/stamps.ts';
import { latestTombstone } from '../../src/merge/merge.ts';
import type { GroupPolicy, KeyState, RowVersion, Tombstone } from '../../src/merge/types.ts';
import type { DatabaseState } from './database.ts';
import { happenedBefore } from './ledger.ts';
import type { Acknowledged, Write } from './ledger.ts';
import { simOf } from './model.ts';
import type { SimEntity } from './model.ts';
import { rowOrRemoved } from './oracle-expiry.ts';
import { isChange, replayedRow } from './oracle-history.ts';
import { bestOfAll } from './oracle-order.ts';
import { checkNothingLost } from './oracle-lost.ts';
import { endOfSet } from './oracle-sets.ts';
import type { End } from './oracle-sets.ts';
import type { Site } from './site.ts';
import type { World } from './world.ts';
import { Violation } from './violation.ts';

/*
 * What the end of a scenario must be, from the acknowledged writes alone. It does not use the code that
 * it judges: the end is computed as a set of writes, without any order of arrival.
 */

/** One write with the transaction that it was in. */
export interface Made {
  write: Write;
  by: Acknowledged;
}

/** @throws Violation naming the first promise that was not kept */
export function check(world: World): void {
  const { setting } = world;
  const sites = world.survivors();
  const states = sites.map((site) => site.database.state);
  const everywhere = world.sites.map((site) => site.database.state);
  const history = historyOf(world);
  for (const [row, made] of history) {
    const sim = simOf(setting.model, row);
    const wanted = sim.entity.history === undefined ? expected(sim, made) : replayed(sim, made);
    for (const [index, state] of states.entries()) {
      const tombstone = tombstoneOf(sim, state, row);
      const version = rowOrRemoved(state, row, wanted.row);
      const found = print(version, tombstone);
      const right = print(wanted.row, wanted.tombstone);
      if (found === right) continue;
      const same = print(version, wanted.tombstone) === right;
      if (same && isCollected(tombstone, { made, collected: state.collected })) continue;
      const site = sites[index]!.number;
      throw new Violation(`row ${row} at site ${site} is ${found}, it should be ${right}`);
    }
    const lossy = sites.length < world.sites.length;
    checkNothingLost(sim, { row, made, wanted, states: everywhere, lossy });
  }
  checkNoOthers(sites, history);
}

/**
 * All acknowledged writes by row, in commit order of each site. Of a site that was lost only those count
 * that it had shipped to any other.
 */
function historyOf(world: World): Map<string, Made[]> {
  const history = new Map<string, Made[]>();
  for (const site of world.sites) {
    const shipped = world.isLost(site) ? world.shipped(site.number) : undefined;
    for (const by of site.database.state.ledger) {
      if (shipped !== undefined && by.position > shipped) break;
      for (const write of by.writes) {
        const made = history.get(write.row) ?? [];
        made.push({ write, by });
        history.set(write.row, made);
      }
    }
  }
  return history;
}

function checkNoOthers(sites: readonly Site[], history: ReadonlyMap<string, unknown>): void {
  for (const { number, database } of sites) {
    for (const row of [...database.state.rows.keys(), ...database.state.tombstones.keys()]) {
      if (history.has(row)) continue;
      throw new Violation(`row ${row} at site ${number} was never written`);
    }
  }
}

function print(row: RowVersion | undefined, tombstone: Tombstone | undefined): string {
  const dead = tombstone === undefined ? '' : ` † ${tombstone.birth} ${tombstone.stamp}`;
  if (row === undefined) return `absent${dead}`;
  return `${JSON.stringify(row.values)} born ${row.birth} stamps ${row.stamps.join(' ')}${dead}`;
}

function tombstoneOfAll(made: readonly Made[], above = 0n): Tombstone | undefined {
  let tombstone: Tombstone | undefined;
  for (const { write } of made) {
    if (write.kind !== 'delete' || write.stamp <= above) continue;
    tombstone = latestTombstone(tombstone, write);
  }
  return tombstone === undefined ? undefined : { birth: tombstone.birth, stamp: tombstone.stamp };
}

/** Whether a tombstone has at least what deletes after those that were collected made of it, and no more than all. */
function isCollected(
  tombstone: Tombstone | undefined,
  { made, collected }: { made: readonly Made[]; collected: bigint },
): boolean {
  const [least, most] = [tombstoneOfAll(made, collected), tombstoneOfAll(made)];
  const none = { birth: 0n, stamp: 0n };
  const within = (one: Tombstone = none, other: Tombstone = none): boolean =>
    one.birth <= other.birth && one.stamp <= other.stamp;
  return within(least, tombstone) && within(tombstone, most);
}

/**
 * Of an entity that keeps history a tombstone is not compared: it is gone where it was trimmed with what led
 * to it. One that a living row is dead by must not be there.
 */
function tombstoneOf(sim: SimEntity, state: DatabaseState, row: string): Tombstone | undefined {
  const tombstone = state.tombstones.get(row);
  const birth = state.rows.get(row)?.birth;
  if (sim.entity.history === undefined) return tombstone;
  return birth !== undefined && tombstone !== undefined && tombstone.birth >= birth
    ? tombstone
    : undefined;
}

/** What a key must be in the end, and of which inserts its row was made: more than one where they merge. */
export interface Wanted extends KeyState {
  births: ReadonlySet<bigint>;
}

function replayed(sim: SimEntity, made: readonly Made[]): Wanted {
  const end = replayedRow(
    sim,
    made.map(({ write }) => write),
  );
  if (end === undefined) return { births: new Set() };
  // Every write of a set counts in the row that stands, whatever the order and what was deleted meanwhile.
  const all = withImages(made.filter(({ write }) => isChange(write)));
  for (const policy of sim.policy.groups) {
    if (policy.set !== undefined) takeSet(policy, end, all);
  }
  return end;
}

/** Writes array and tags as what each write knew of the others says. */
function takeSet(policy: GroupPolicy, end: End, made: readonly Made[]): void {
  const { row } = end;
  const { array, tags } = endOfSet(policy, end, made);
  row.values[policy.columns[0]!] = array;
  row.values[policy.columns[1]!] = tags;
}

/** The end of one key: the youngest incarnation that no delete saw, and per group what its method says. */
export function expected(sim: SimEntity, all: readonly Made[]): Wanted {
  const made = withImages(all);
  const tombstone = tombstoneOfAll(made);
  const dead = tombstone?.birth ?? 0n;
  let first: RowVersion | undefined;
  for (const { write } of made) {
    if (write.kind !== 'insert' || write.after.birth <= dead) continue;
    if (first === undefined || write.after.birth > first.birth) first = write.after;
  }
  const state: Wanted = {
    ...(tombstone === undefined ? {} : { tombstone }),
    births: new Set(first && [first.birth]),
  };
  if (first !== undefined) state.row = grown(sim, first, made);
  return state;
}

type Update = Write & { kind: 'update' };

/** Where an insert is lost with its site, what the first update of the row found stands for it. */
function withImages(made: readonly Made[]): Made[] {
  const born = new Set(
    made.flatMap(({ write }) => (write.kind === 'insert' ? [write.after.birth] : [])),
  );
  const orphans = made.filter(
    (one): one is Made & { write: Update } =>
      one.write.kind === 'update' && !born.has(one.write.after.birth),
  );
  const first = orphans.filter(({ write: { after }, by }) =>
    orphans.every(
      (other) =>
        other.write.after.birth !== after.birth ||
        (other.by === by
          ? greatest(other.write.after.stamps) >= greatest(after.stamps)
          : !happenedBefore(other.by, by)),
    ),
  );
  const images = first.map(({ write, by }): Made => ({
    write: { kind: 'insert', row: write.row, after: write.before },
    by,
  }));
  return [...images, ...made];
}

function grown(sim: SimEntity, first: RowVersion, made: readonly Made[]): RowVersion {
  const row: RowVersion = { ...first, stamps: [...first.stamps], values: [...first.values] };
  const updates = made
    .map(({ write }) => write)
    .filter((write): write is Update => write.kind === 'update')
    .filter((write) => write.after.birth === first.birth);
  for (const [group, policy] of sim.policy.groups.entries()) {
    const { method, columns } = policy;
    if (policy.set !== undefined) takeSet(policy, { row, births: new Set([row.birth]) }, made);
    for (const { before, after } of updates) {
      const stamp = after.stamps[group]!;
      if (before.stamps[group] === stamp) continue;
      const newest = stamp > row.stamps[group]!;
      if (newest) row.stamps[group] = stamp;
      if (policy.set !== undefined) continue;
      for (const place of columns) {
        const [from, to] = [before.values[place]!, after.values[place]!];
        if (method === 'additive') {
          row.values[place] = addDifference(row.values[place]!, { from, to });
        } else if (policy.orders !== undefined) {
          row.values[place] = bestOfAll(policy, place, [row.values[place]!, to]);
        } else if (newest) row.values[place] = to;
      }
    }
  }
  return row;
}
