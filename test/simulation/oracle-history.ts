import type { Decider, GroupPolicy, RowVersion, Value } from '../../src/merge/types.ts';
import type { Write } from './ledger.ts';
import type { SimEntity } from './model.ts';
import { siteName } from './model.ts';
import { bestOfAll } from './oracle-order.ts';
import { joinedSet, thereOf } from './oracle-sets.ts';
import { arrayOf, entriesOf, tagsOf } from './sets.ts';
import { simFunction } from './values.ts';

/*
 * The end of a key of an entity that keeps history: all its writes of all sites in the order of their
 * stamps. Written apart from src/merge/replay.ts, which it judges, and without bases: it has every write.
 */

interface Key {
  row: RowVersion | undefined;
  /** What the last delete ended. */
  dead: RowVersion | undefined;
  /** Births of the inserts that the row, or what the last delete ended, was made of. */
  births: Set<bigint>;
  /** A delete was overruled. */
  outlived: boolean;
  /** Births of the rows whose insert there is, or an image in its place. */
  born: Set<bigint>;
}

/** The row that must be there in the end, and the births of the inserts that it was made of. */
export function replayedRow(
  sim: SimEntity,
  writes: readonly Write[],
): { row: RowVersion; births: ReadonlySet<bigint> } | undefined {
  const inserted = writes.flatMap((write) => (write.kind === 'insert' ? [write.after.birth] : []));
  const key: Key = {
    ...{ row: undefined, dead: undefined, births: new Set(), outlived: false },
    born: new Set(inserted),
  };
  for (const write of inOrder(writes)) {
    if (write.kind === 'insert') insert(sim, key, write.after);
    else if (write.kind === 'delete') remove(sim, key, write.before);
    else update(sim, key, write);
  }
  const { row, births } = key;
  return row && { row: { ...row, values: [...row.values] }, births };
}

function inOrder(writes: readonly Write[]): Write[] {
  const stampOf = (write: Write): bigint =>
    write.kind === 'delete'
      ? write.stamp
      : write.after.stamps.reduce((one, other) => (one > other ? one : other));
  const changes = writes.filter(isChange);
  return changes.toSorted((one, other) => (stampOf(one) < stampOf(other) ? -1 : 1));
}

/** False for an update that left every stamp as it was. */
export function isChange(write: Write): boolean {
  return (
    write.kind !== 'update' ||
    write.after.stamps.some((stamp, group) => stamp !== write.before.stamps[group])
  );
}

function insert(sim: SimEntity, key: Key, after: RowVersion, isImage = false): void {
  const { onKeyClash } = sim.entity;
  if (key.row !== undefined && onKeyClash === 'earliest') return;
  if (key.row !== undefined && onKeyClash === 'merge' && !key.outlived && !isImage) {
    key.row = ofTwoInserts(sim, key.row, after);
    key.births.add(after.birth);
    return;
  }
  key.row = after;
  key.births = new Set([after.birth]);
  key.outlived = false;
  key.dead = undefined;
}

/** Every group of both; sets are left to the end. */
function ofTwoInserts(sim: SimEntity, row: RowVersion, after: RowVersion): RowVersion {
  const result = { ...row, stamps: [...row.stamps], values: [...row.values] };
  result.birth = row.birth > after.birth ? row.birth : after.birth;
  for (const [group, policy] of sim.policy.groups.entries()) {
    const [mine, theirs] = [row.stamps[group]!, after.stamps[group]!];
    const most = mine > theirs ? mine : theirs;
    if (policy.set !== undefined) {
      const entries = [row, after].flatMap((one) => [...entriesOf(policy, one)]);
      const [array, tags] = policy.columns;
      result.values[array!] = arrayOf(policy, thereOf(entries));
      result.values[tags!] = tagsOf(result.birth, new Set(entries));
      result.stamps[group] = most;
      continue;
    }
    const isNull = (one: RowVersion): boolean =>
      policy.columns.every((place) => one.values[place] === null);
    if (mine === theirs || isNull(after)) continue;
    const sides = policy.columns.map((place) => ({
      ...{ base: null, current: row.values[place]!, incoming: after.values[place]!, place },
    }));
    const plain = policy.method === 'latest-timestamp' || policy.method === 'overwrite';
    if (plain && theirs < mine && !isNull(row)) continue;
    const values = isNull(row)
      ? sides.map(({ incoming }) => incoming)
      : valuesOf(policy, { sides, seen: false, row, after, group });
    if (values === undefined) continue;
    for (const [at, { place }] of sides.entries()) result.values[place] = values[at]!;
    result.stamps[group] = isNull(row) ? theirs : most;
  }
  return result;
}

function isAsSeen(sim: SimEntity, group: number, [one, seen]: [RowVersion, RowVersion]): boolean {
  const same = (place: number): boolean => one.values[place] === seen.values[place];
  return one.stamps[group] === seen.stamps[group] && sim.policy.groups[group]!.columns.every(same);
}

function remove(sim: SimEntity, key: Key, seen: RowVersion): void {
  const { row } = key;
  if (row === undefined || !key.births.has(seen.birth)) return;
  const rule = sim.entity.onDeleteUpdate;
  const met = sim.policy.groups.some((_, group) => !isAsSeen(sim, group, [row, seen]));
  if (met && (rule === 'update' || rule === 'park')) {
    key.outlived = true;
    return;
  }
  key.dead = row;
  key.row = undefined;
}

function update(sim: SimEntity, key: Key, write: Write & { kind: 'update' }): void {
  const { birth } = write.after;
  if (!key.born.has(birth)) {
    // Its insert is lost: the image takes its place.
    key.born.add(birth);
    insert(sim, key, write.after, true);
    return;
  }
  if (key.row !== undefined) {
    if (key.births.has(birth)) key.row = changed(sim, key.row, write);
    return;
  }
  if (key.dead === undefined || !key.births.has(birth)) return;
  if (sim.entity.onDeleteUpdate === undefined) return;
  key.row = changed(sim, key.dead, write);
  key.outlived = true;
  key.dead = undefined;
}

function changed(
  sim: SimEntity,
  row: RowVersion,
  { before, after }: { before: RowVersion; after: RowVersion },
): RowVersion {
  const result = { ...row, stamps: [...row.stamps], values: [...row.values] };
  for (const [group, policy] of sim.policy.groups.entries()) {
    if (before.stamps[group] === after.stamps[group]) continue;
    const seen = isAsSeen(sim, group, [row, before]);
    const sides = policy.columns.map((place) => ({
      ...{ base: before.values[place]!, current: row.values[place]! },
      ...{ incoming: after.values[place]!, place },
    }));
    const values = valuesOf(policy, { sides, seen, row, after, group });
    if (values === undefined) continue;
    for (const [at, { place }] of sides.entries()) result.values[place] = values[at]!;
    result.stamps[group] = after.stamps[group]!;
  }
  return result;
}

interface Sides {
  base: Value;
  current: Value;
  incoming: Value;
  place: number;
}

interface Met {
  sides: Sides[];
  seen: boolean;
  row: RowVersion;
  after: RowVersion;
  group: number;
}

/** The group's new values; undefined where it stays as it is. */
function valuesOf(policy: GroupPolicy, met: Met): Value[] | undefined {
  const { sides, seen } = met;
  const incoming = sides.map((side) => side.incoming);
  if (policy.method === 'additive') return sides.map(sumOf);
  if (policy.set !== undefined) {
    return joinedSet(policy, { now: met.row.birth, written: met.after.birth }, sides);
  }
  if (policy.orders !== undefined) {
    return sides.map(({ place, base, current, incoming: next }) =>
      current === base ? next : bestOfAll(policy, place, [current, next]),
    );
  }
  if (policy.method !== 'ordered' || seen) return incoming;
  for (const decider of policy.methods!) {
    const decided = tried(decider, met);
    if (decided === 'incoming') return incoming;
    if (decided === 'current') return undefined;
    if (decided !== 'next') {
      return decided.every((value, at) => value === sides[at]!.current) &&
        decider.method !== 'average' &&
        !decided.every((value, at) => value === incoming[at])
        ? undefined
        : decided;
    }
  }
  return undefined;
}

function sumOf({ base, current, incoming }: Sides): Value {
  if (incoming === null) return current;
  return String(BigInt(current ?? 0) + BigInt(incoming) - BigInt(base ?? 0));
}

function tried(decider: Decider, met: Met): Value[] | 'incoming' | 'current' | 'next' {
  const { sides, row, after, group } = met;
  const [here, there] = [row, after].map(({ stamps }) => Number(stamps[group]! % 2048n));
  switch (decider.method) {
    case 'latest-timestamp':
    case 'overwrite':
      return 'incoming';
    case 'earliest-timestamp':
    case 'discard':
    case 'park':
      return 'current';
    case 'additive':
      return sides.map(sumOf);
    case 'average':
      return sides.some(({ current, incoming }) => current === null || incoming === null)
        ? 'next'
        : sides.map(({ current, incoming }) => mean(Number(current), Number(incoming)));
    case 'site-priority': {
      const places = [here!, there!].map((site) => decider.sites.indexOf(siteName(site)));
      if (here === there) return 'incoming';
      const [mine, other] = places.map((place) => (place < 0 ? 99 : place));
      if (mine === other) return 'next';
      return other! < mine! ? 'incoming' : 'current';
    }
    case 'owner-wins': {
      const owner = Number(row.birth % 2048n);
      if (there === owner) return 'incoming';
      return here === owner ? 'current' : 'next';
    }
    case 'sql-function': {
      const value = simFunction({ name: 'f', type: 'text', ...sides[0]! });
      return value === null ? 'next' : [value];
    }
    default:
      return sides.map(({ current, incoming }) => {
        if (current === null || incoming === null) return current ?? incoming;
        return String(Math.max(Number(current), Number(incoming)));
      });
  }
}

/** Rounded half away from zero, as numbers are small here. */
function mean(one: number, other: number): string {
  const half = (one + other) / 2;
  return String(Math.sign(half) * Math.round(Math.abs(half)) || 0);
}
