import type { NetRow } from '../../src/apply/fold/fold.ts';
import { stageOp } from '../../src/apply/rows/net-rows.ts';
import { addDifference } from '../../src/merge/decimal.ts';
import { joinsWrites } from '../../src/merge/merge-group.ts';
import { latestTombstone, merge } from '../../src/merge/merge.ts';
import { bestValue } from '../../src/merge/order.ts';
import type {
  Change,
  Conflict,
  GroupPolicy,
  KeyState,
  MergePolicy,
  MergeResult,
  RowVersion,
  Tombstone,
  Value,
} from '../../src/merge/types.ts';
import { applyRecorded } from './apply-history.ts';
import type { DatabaseState } from './database.ts';
import type { SimEntity } from './model.ts';
import type { Planted } from './planted.ts';
import { readKey, readRow } from './wire.ts';

interface Target {
  sim: SimEntity;
  state: DatabaseState;
  planted: Planted | undefined;
  /** What is applied may have been made with knowledge of what is lost for good. */
  waived: boolean;
  row: string;
}

export type Taken = 'fast' | 'merged' | 'conflict';

/**
 * Applies one net row as apply does it: what the set-based statements take (src/sql/apply/apply-fast.ts) is
 * written by the same rules, everything else goes through merge, whose result is written whole
 * (src/apply/slow/slow-writer.ts). Net rows are of different keys, and one statement sees each once, so that
 * taking them one by one is the same as taking them as a set.
 */
export function applyRow(context: Omit<Target, 'row'>, net: NetRow): { row: string; taken: Taken } {
  const { sim, state, planted } = context;
  const row = `${sim.entity.name.slice(1)}/${readKey(net.key)}`;
  const target = { ...context, row };
  const change = changeOf(sim, net, planted);
  if (sim.entity.history !== undefined) return { row, taken: applyRecorded(target, change) };
  if (takenFast(target, net, change)) return { row, taken: 'fast' };
  const current: KeyState = {};
  const old = state.rows.get(row);
  const tombstone = state.tombstones.get(row);
  if (old !== undefined) current.row = old;
  if (tombstone !== undefined) current.tombstone = tombstone;
  const result = mergeWith(planted, sim, { state: current, change });
  write(target, result.state);
  if (planted !== 'silent-conflict') record(target, { old, change, conflicts: result.conflicts });
  return { row, taken: result.conflicts.length === 0 ? 'merged' : 'conflict' };
}

function changeOf(sim: SimEntity, net: NetRow, planted: Planted | undefined): Change {
  const change: Change = {};
  if (net.before !== undefined) change.before = readRow(sim, net.before);
  const known = planted === 'lose-unchanged' ? undefined : change.before;
  if (net.after !== undefined) change.after = readRow(sim, net.after, known);
  if (net.deleted !== undefined) change.deleted = net.deleted;
  return change;
}

function takenFast(target: Target, net: NetRow, change: Change): boolean {
  const { before, after, deleted } = change;
  switch (stageOp(net)) {
    case 'I':
      return insertRow(target, after!);
    case 'U':
      return updateRow(target, before!, after!);
    case 'D':
      return deleteRow(target, before!, deleted!);
    default:
      return false;
  }
}

/** `insertStatement`: the key is free and not dead. */
function insertRow({ state, row, planted }: Target, after: RowVersion): boolean {
  const dead = planted === 'insert-over-tombstone' ? undefined : state.tombstones.get(row);
  if (state.rows.has(row) || (dead !== undefined && dead.birth >= after.birth)) return false;
  state.rows.set(row, after);
  return true;
}

/** `updateStatement`: the same incarnation, and the changed groups have the stamps the origin saw. */
function updateRow(target: Target, before: RowVersion, after: RowVersion): boolean {
  const { sim, state, row, planted } = target;
  const current = state.rows.get(row);
  if (current === undefined) return false;
  if (current.birth !== before.birth && planted !== 'no-birth-check') return false;
  const result = { ...current, stamps: [...current.stamps], values: [...current.values] };
  for (const [index, group] of sim.policy.groups.entries()) {
    const [base, stamp] = [before.stamps[index]!, after.stamps[index]!];
    if (base === stamp) continue;
    const additive = group.method === 'additive';
    if (!additive && current.stamps[index] !== base && planted !== 'no-base-check') return false;
    if (group.set !== undefined && planted !== 'set-without-base') {
      const same = group.columns.every((place) => current.values[place] === before.values[place]);
      if (!same) return false;
    }
    const joins = additive || group.orders !== undefined;
    if (!joins || stamp > current.stamps[index]!) result.stamps[index] = stamp;
    for (const place of group.columns) {
      result.values[place] = fastValue(target, group, {
        place,
        current: current.values[place]!,
        ...{ from: before.values[place]!, to: after.values[place]! },
      });
    }
  }
  state.rows.set(row, result);
  return true;
}

/** `fastValue` of src/sql/apply/apply-fast.ts. */
function fastValue(
  { planted }: Target,
  group: GroupPolicy,
  change: { place: number; current: Value; from: Value; to: Value },
): Value {
  const { place, current, from, to } = change;
  if (group.method === 'additive' && planted !== 'additive-overwrites') {
    return addDifference(current, { from, to });
  }
  const order = group.orders?.[group.columns.indexOf(place)];
  if (order === undefined || planted === 'equal-stamp-overwrites') return to;
  const serial = order.kind === 'serial' && planted !== 'serial-without-base';
  if (serial && current === from) return to;
  return bestValue(order, current, to);
}

/** `deleteStatement`: nobody changed the row since. */
function deleteRow(target: Target, before: RowVersion, deleted: Tombstone): boolean {
  const { sim, state, row } = target;
  const current = state.rows.get(row);
  if (current === undefined || current.birth !== before.birth) return false;
  if (current.stamps.some((stamp, index) => stamp !== before.stamps[index])) return false;
  for (const group of sim.policy.groups.filter(joinsWrites)) {
    if (group.columns.some((place) => current.values[place] !== before.values[place])) return false;
  }
  state.rows.delete(row);
  state.tombstones.set(row, latestTombstone(state.tombstones.get(row), deleted)!);
  return true;
}

/** Writes merge's result over what is there. */
function write({ state, row }: Target, result: KeyState): void {
  if (result.row === undefined) state.rows.delete(row);
  else state.rows.set(row, result.row);
  if (result.tombstone !== undefined) state.tombstones.set(row, result.tombstone);
}

/**
 * Stamps of what a conflict was about: its record has both images. A conflict about whole rows also names
 * their births, negated: the image of a group that joins writes holds all of them under one stamp.
 */
function record(
  target: Target,
  met: { old: RowVersion | undefined; change: Change; conflicts: readonly Conflict[] },
): void {
  if (met.conflicts.length === 0) return;
  const { sim, state, row } = target;
  const named = new Set(state.conflicts.get(row));
  for (const conflict of met.conflicts) {
    const group = sim.policy.groups.findIndex(({ name }) => name === conflict.group);
    for (const image of [met.old, met.change.after]) {
      if (image === undefined) continue;
      const stamps = conflict.type === 'update' ? [image.stamps[group]!] : image.stamps;
      for (const stamp of stamps) named.add(stamp);
      if (conflict.type !== 'update') named.add(-image.birth);
    }
    for (const element of conflict.elements ?? []) named.add(`${group} ${element}`);
  }
  state.conflicts.set(row, named);
}

function mergeWith(
  planted: Planted | undefined,
  sim: SimEntity,
  parts: { state: KeyState; change: Change },
): MergeResult {
  const { state, change } = parts;
  const { row } = state;
  const { after } = change;
  const missing = row === undefined ? missingAs(planted, sim, parts) : undefined;
  if (missing !== undefined) return missing;
  if (planted === 'ignore-tombstone' && row !== undefined) {
    return merge(sim.policy, { row }, change);
  }
  if (planted === 'ignore-tombstone') return merge(sim.policy, {}, change);
  const policy = policyWith(planted, sim.policy);
  const result = merge(policy, state, change);
  if (row === undefined || after === undefined || result.state.row === undefined) return result;
  if (planted === 'arrival-wins' && row.birth === after.birth) {
    const values = result.state.row.values.map((value, place) =>
      after.values[place] === change.before?.values[place] ? value : after.values[place]!,
    );
    return { ...result, state: { ...result.state, row: { ...result.state.row, values } } };
  }
  if (planted === 'merge-incarnations' && row.birth !== after.birth) {
    const older = row.birth < after.birth ? row : after;
    const same = { ...older, birth: result.state.row.birth };
    const again = merge(sim.policy, { row: result.state.row }, { after: same });
    return { ...result, state: { ...result.state, row: again.state.row! } };
  }
  return result;
}

/** As planted bugs: what a change makes of a row that is not there any more, since it is over. */
function missingAs(
  planted: Planted | undefined,
  { policy }: SimEntity,
  { state, change }: { state: KeyState; change: Change },
): MergeResult | undefined {
  const { before, after, deleted } = change;
  if (policy.expires === undefined || deleted !== undefined) return undefined;
  if (before === undefined || after === undefined) return undefined;
  if (planted === 'removed-for-good') return { state, conflicts: [] };
  if (planted !== 'renewal-of-changes') return undefined;
  const values = after.values.map((value, at) => (value === before.values[at] ? null : value));
  return { state: { ...state, row: { ...after, values } }, conflicts: [] };
}

/** As planted bugs: groups that are merged as if they had another method. */
function policyWith(planted: Planted | undefined, policy: MergePolicy): MergePolicy {
  const wrong = (group: GroupPolicy): boolean =>
    (planted === 'latest-only' && group.orders !== undefined) ||
    (planted === 'latest-set' && group.set !== undefined);
  const latest = ({ name, columns }: GroupPolicy): GroupPolicy => ({
    ...{ name, columns, method: 'latest-timestamp' },
  });
  return {
    ...policy,
    groups: policy.groups.map((group) => (wrong(group) ? latest(group) : group)),
  };
}
