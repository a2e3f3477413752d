/** Merges one column group of a row, by the group's method. Which rows meet at all is the subject of merge.ts. */
import { assert } from '../base/assert.ts';
import { isMonotonic } from '../model/groups/column-order.ts';
import { addDifference } from './decimal.ts';
import { bestValue } from './order.ts';
import { mergeSet, setConflict } from './set.ts';
import { siteOfStamp } from './stamps.ts';
import type { Conflict, GroupPolicy, RowVersion } from './types.ts';

/** A group of a row that a change has to be merged into. */
export interface GroupMerge {
  index: number;
  group: GroupPolicy;
  before: RowVersion | undefined;
  after: RowVersion;
  /** The row so far; changed in place. */
  result: RowVersion;
}

/** Whether a group is what all writes make, a sum, a best value or a set: equal stamps do not mean equal values then. */
export function joinsWrites({ method, orders, set }: GroupPolicy): boolean {
  return method === 'additive' || orders !== undefined || set !== undefined;
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
