import { wasOver } from './expiry.ts';
import { joinsWrites, mergeGroup } from './merge-group.ts';
import { greatest } from './stamps.ts';
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
 * leave the same state (`merge.property.test.ts` has the tests of that). Base stamps do not decide; they tell a
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
    if (change.unknown?.has(index) === true) continue;
    const current = row.stamps[index]!;
    const seen = change.before?.birth === row.birth ? change.before : undefined;
    if (seen !== undefined && isAsSeen({ index, group, row, seen })) continue;
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

/** Of what joins writes a write that was not seen can be under a stamp that was. */
function isAsSeen(one: {
  index: number;
  group: GroupPolicy;
  row: RowVersion;
  seen: RowVersion;
}): boolean {
  const { index, group, row, seen } = one;
  if (row.stamps[index] !== seen.stamps[index]) return false;
  return (
    !joinsWrites(group) || group.columns.every((place) => row.values[place] === seen.values[place])
  );
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
    if (parts.change.unknown?.has(index) === true) continue;
    const incoming = parts.after.stamps[index]!;
    if (before !== undefined && before.stamps[index] === incoming) continue;
    mergeGroup({ index, group, before, after: parts.after, result }, conflicts);
  }
  return result;
}
