import { assert } from '../base/assert.ts';
import { isMonotonic } from '../model/column-order.ts';
import { addDifference } from './decimal.ts';
import { wasOver } from './expiry.ts';
import { bestValue } from './order.ts';
import { mergeSet, setConflict } from './set.ts';
import { greatest, siteOfStamp } from './stamps.ts';
import type {
  Change,
  Conflict,
  GroupPolicy,
  KeyState,
  MergePolicy,
  MergeResult,
  RowVersion,
  Tombstone,
} from './types.ts';

/**
 * Merges one change into what a site knows of its key. Pure; neither argument is changed.
 *
 * The state of a key is a join: the greatest deleted birth, the incarnation with the greatest birth
 * above it, and per column group of that incarnation the value with the greatest stamp (or, for an
 * additive group, the sum of all differences; for a monotonic one, the best value of each column; for a
 * set, what was added and not removed). Hence changes that arrive in any order consistent with causality
 * leave the same state (`merge.test.ts` has the property tests). Base stamps do not decide; they tell a
 * conflict from a plain change.
 *
 * Requires causal delivery, each change exactly once, and stamps greater than those they replace.
 */
export function merge(policy: MergePolicy, state: KeyState, change: Change): MergeResult {
  const conflicts: Conflict[] = [];
  const tombstone = latestTombstone(state.tombstone, change.deleted);
  let row = state.row;
  if (row !== undefined && tombstone !== undefined && row.birth <= tombstone.birth) {
    noteLostUpdates(policy, { row, change, tombstone }, conflicts);
    row = undefined;
  }
  if (change.after !== undefined) {
    row = mergeRow(policy, { row, tombstone, change, after: change.after }, conflicts);
  }
  return { state: keyState(row, tombstone), conflicts };
}

function keyState(row: RowVersion | undefined, tombstone: Tombstone | undefined): KeyState {
  const state: KeyState = {};
  if (row !== undefined) state.row = row;
  if (tombstone !== undefined) state.tombstone = tombstone;
  return state;
}

/** Both maxima: deletes commute and are idempotent. */
export function latestTombstone(
  one: Tombstone | undefined,
  other: Tombstone | undefined,
): Tombstone | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return {
    birth: one.birth > other.birth ? one.birth : other.birth,
    stamp: one.stamp > other.stamp ? one.stamp : other.stamp,
  };
}

/** A delete ends the row, whatever it holds; what its origin had not seen is a delete conflict. */
function noteLostUpdates(
  policy: MergePolicy,
  lost: { row: RowVersion; change: Change; tombstone: Tombstone },
  conflicts: Conflict[],
): void {
  const { row, change, tombstone } = lost;
  for (const [index, group] of policy.groups.entries()) {
    const current = row.stamps[index]!;
    const seen = change.before?.birth === row.birth ? change.before.stamps[index]! : undefined;
    if (current === seen) continue;
    conflicts.push({
      type: 'delete',
      group: group.name,
      method: 'delete-wins',
      winner: 'remote',
      localStamp: current,
      remoteStamp: tombstone.stamp,
      reason: 'the row was deleted at the origin without knowledge of the local change',
    });
    return;
  }
}

interface RowMerge {
  row: RowVersion | undefined;
  tombstone: Tombstone | undefined;
  change: Change;
  after: RowVersion;
}

function mergeRow(
  policy: MergePolicy,
  parts: RowMerge,
  conflicts: Conflict[],
): RowVersion | undefined {
  const { row, tombstone, change, after } = parts;
  const remoteStamp = greatest(after.stamps);
  if (tombstone !== undefined && after.birth <= tombstone.birth) {
    conflicts.push({
      type: 'delete',
      method: 'delete-wins',
      winner: 'local',
      localStamp: tombstone.stamp,
      remoteStamp,
      reason: 'the row was deleted without knowledge of the change',
    });
    return row;
  }
  if (row === undefined) {
    // Where rows expire, a site may have removed the row by itself; the change brings it back.
    const lost = policy.expires === undefined;
    if (lost && change.before !== undefined && change.deleted === undefined) {
      conflicts.push({
        type: 'missing',
        method: 'restore',
        winner: 'remote',
        localStamp: 0n,
        remoteStamp,
        reason: 'there was neither a row nor a tombstone; inserted from the full image',
      });
    }
    return after;
  }
  if (row.birth === after.birth) return mergeGroups(policy, { ...parts, row }, conflicts);
  return laterIncarnation(policy, { ...parts, row }, conflicts);
}

/** Two sites inserted the key without knowledge of each other: the later insert is the row. */
function laterIncarnation(
  policy: MergePolicy,
  parts: RowMerge & { row: RowVersion },
  conflicts: Conflict[],
): RowVersion {
  const { row, after } = parts;
  const remote = after.birth > row.birth;
  const [earlier, later] = remote ? [row, after] : [after, row];
  if (wasOver(policy, earlier, later)) return later;
  conflicts.push({
    type: 'uniqueness',
    method: 'latest-timestamp',
    winner: remote ? 'remote' : 'local',
    localStamp: row.birth,
    remoteStamp: after.birth,
    reason: 'the key was inserted at two sites; the later insert stands',
  });
  return remote ? after : row;
}

function mergeGroups(
  policy: MergePolicy,
  parts: RowMerge & { row: RowVersion },
  conflicts: Conflict[],
): RowVersion {
  const result: RowVersion = {
    birth: parts.row.birth,
    stamps: [...parts.row.stamps],
    values: [...parts.row.values],
  };
  const before = parts.change.before?.birth === parts.after.birth ? parts.change.before : undefined;
  for (const [index, group] of policy.groups.entries()) {
    const incoming = parts.after.stamps[index]!;
    if (before !== undefined && before.stamps[index] === incoming) continue;
    mergeGroup({ index, group, before, after: parts.after, result }, conflicts);
  }
  return result;
}

/** A group of a row that a change has to be merged into. */
export interface GroupMerge {
  index: number;
  group: GroupPolicy;
  before: RowVersion | undefined;
  after: RowVersion;
  /** The row so far; changed in place. */
  result: RowVersion;
}

/** Merges one changed group by its commutative method; ordered ones are the business of replay. */
export function mergeGroup(work: GroupMerge, conflicts: Conflict[]): void {
  const { group } = work;
  assert(group.method !== 'ordered', () => `group "${group.name}" is merged without its history`);
  if (group.method === 'additive') addGroup(work);
  else if (group.set !== undefined) setGroup(work, conflicts);
  else if (isMonotonic(group.method)) bestGroup(work, conflicts);
  else latestGroup(work, conflicts);
}

function latestGroup(work: GroupMerge, conflicts: Conflict[]): void {
  const { index, group, before, after, result } = work;
  const current = result.stamps[index]!;
  const incoming = after.stamps[index]!;
  const tie = incoming === current;
  if (tie && !isGreaterTie(work, incoming)) return;
  const remote = tie || incoming > current;
  if (!tie && current !== before?.stamps[index]) {
    conflicts.push({
      type: 'update',
      group: group.name,
      method: group.method,
      winner: remote ? 'remote' : 'local',
      localStamp: current,
      remoteStamp: incoming,
      reason: `the ${remote ? 'incoming' : 'local'} change is the later one`,
    });
  }
  if (!remote) return;
  result.stamps[index] = incoming;
  for (const column of group.columns) result.values[column] = after.values[column]!;
}

/**
 * Derived stamps are of no site (src/merge/claims.ts): two sites that wrote a group in the same microsecond
 * are followed by two changes of one stamp. The greater text stands.
 */
function isGreaterTie({ group, after, result }: GroupMerge, stamp: bigint): boolean {
  if (siteOfStamp(stamp) !== 0 || stamp === 0n) return false;
  const text = ({ values }: RowVersion): string =>
    JSON.stringify(group.columns.map((column) => values[column]));
  return text(after) > text(result);
}

/**
 * The best value of each column. It is taken also where the stamps are equal: two sites can have the same
 * greatest stamp with different writes behind it, so equal stamps do not mean equal values. A value that the
 * origin saw is replaced without a comparison: several steps of a serial number can be more than half the
 * circle together.
 */
function bestGroup(work: GroupMerge, conflicts: Conflict[]): void {
  const { index, group, before, after, result } = work;
  const current = result.stamps[index]!;
  const incoming = after.stamps[index]!;
  let [keeps, takes] = [0, 0];
  for (const [at, column] of group.columns.entries()) {
    const [local, remote] = [result.values[column]!, after.values[column]!];
    const unchanged = before !== undefined && before.values[column] === local;
    const best = unchanged ? remote : bestValue(group.orders![at]!, local, remote);
    if (best !== remote) keeps += 1;
    if (best !== local) takes += 1;
    result.values[column] = best;
  }
  if (incoming > current) result.stamps[index] = incoming;
  if (incoming === current) return;
  // A better value can be under the stamp that the origin saw: then it did not see that value.
  if (current === before?.stamps[index] && keeps === 0) return;
  conflicts.push({
    type: 'update',
    group: group.name,
    method: group.method,
    winner: keeps === 0 ? 'remote' : takes === 0 ? 'local' : 'merged',
    localStamp: current,
    remoteStamp: incoming,
    reason: 'the best value of each column stands',
  });
}

/**
 * Adds what the origin added, whatever the stamps are: two sites can have the same greatest stamp with
 * different sets of additions behind it, so equal stamps do not mean equal sums.
 */
function addGroup(work: GroupMerge): void {
  const { index, group, before, after, result } = work;
  if (before === undefined) return;
  const incoming = after.stamps[index]!;
  if (incoming > result.stamps[index]!) result.stamps[index] = incoming;
  for (const column of group.columns) {
    result.values[column] = addDifference(result.values[column]!, {
      from: before.values[column]!,
      to: after.values[column]!,
    });
  }
}

/** Adds and removes what the origin added and removed, whatever the stamps are, as of an additive group. */
function setGroup(work: GroupMerge, conflicts: Conflict[]): void {
  const { index, group, before, after, result } = work;
  if (before === undefined) return;
  const [local, remote] = [result.stamps[index]!, after.stamps[index]!];
  if (remote > local) result.stamps[index] = remote;
  const lost = mergeSet({ group, before, after, result });
  const conflict = setConflict(group, lost, { local, remote });
  if (conflict !== undefined) conflicts.push(conflict);
}
