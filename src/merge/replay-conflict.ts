/** The conflicts that a replay notes, in words. */
import type { Decision } from './decide.ts';
import type { Conflict, GroupPolicy, MergePolicy, RowVersion, Stamp } from './types.ts';

/** What a group's methods made of the row and a change that had not seen it. */
export function groupConflict(
  group: GroupPolicy,
  met: { index: number; row: RowVersion; after: RowVersion; decision: Decision },
): Conflict {
  const { index, row, after, decision } = met;
  const { winner, method, parked = false } = decision;
  return {
    ...{ type: 'update', group: group.name, method, winner },
    ...{ localStamp: row.stamps[index]!, remoteStamp: after.stamps[index]! },
    reason: REASONS[parked ? 'parked' : winner],
  };
}

/** Two inserts of one key, of which one stands. */
export function clashConflict(
  { onKeyClash }: MergePolicy,
  clash: { row: RowVersion; birth: Stamp; stays: boolean },
): Conflict {
  const { row, birth, stays } = clash;
  const earliest = onKeyClash === 'earliest';
  return {
    type: 'uniqueness',
    method: earliest ? 'earliest-timestamp' : 'latest-timestamp',
    winner: stays ? 'local' : 'remote',
    localStamp: row.birth,
    remoteStamp: birth,
    reason: `the key was inserted at two sites; the ${earliest ? 'earlier' : 'later'} insert stands`,
  };
}

/** Two inserts of one key that are one row now. */
export function mergedConflict(row: RowVersion, after: RowVersion): Conflict {
  return {
    ...{ type: 'uniqueness', method: 'merge', winner: 'merged' },
    ...{ localStamp: row.birth, remoteStamp: after.birth },
    reason: 'the key was inserted at two sites; the column groups of both were merged',
  };
}

/** Method of a delete conflict by the entity's rule. */
export const METHOD_OF_RULE = {
  delete: 'delete-wins',
  update: 'update-wins',
  latest: 'latest-timestamp',
  park: 'park',
};

const REASONS = {
  local: 'the method keeps the current value',
  remote: 'the method takes the incoming value',
  merged: 'the method makes one value of both',
  parked: 'no method decides; the current value stands until an operator has decided',
};
