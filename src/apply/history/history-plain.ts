import { latestTombstone } from '../../merge/merge.ts';
import { greatest } from '../../merge/stamps.ts';
import type { History, KeyState, Recorded, RowVersion, Stamp } from '../../merge/types.ts';

/** What is known of a key without reading its history. */
export interface Known {
  state: KeyState;
  /** The newest stamp of its history; undefined without one. */
  newest: Stamp | undefined;
}

/**
 * The state after a change that came after everything recorded and found what is here: that of a replay,
 * which is then not needed.
 *
 * @returns undefined where only a replay can tell
 */
export function plainState(known: Known, { change, stamp }: Recorded): KeyState | undefined {
  const { state, newest } = known;
  const { before, after, deleted } = change;
  if (!sameVersion(state.row, before)) return undefined;
  // What is in the history but not in the row has lost, or could not be written.
  if (newest !== undefined && (stamp <= newest || newest > newestWritten(state))) return undefined;
  const tombstone = latestTombstone(state.tombstone, deleted);
  return {
    ...(after === undefined ? {} : { row: after }),
    ...(tombstone === undefined ? {} : { tombstone }),
  };
}

function newestWritten({ row, tombstone }: KeyState): Stamp {
  return row === undefined ? (tombstone?.stamp ?? 0n) : greatest([row.birth, ...row.stamps]);
}

/** Whether both are the same row version, or neither is there. */
export function sameVersion(one: RowVersion | undefined, other: RowVersion | undefined): boolean {
  if (one === undefined || other === undefined) return one === other;
  return (
    one.birth === other.birth &&
    one.stamps.every((stamp, group) => stamp === other.stamps[group]) &&
    one.values.every((value, column) => value === other.values[column])
  );
}

/**
 * What was done to a key before its changes were recorded (the model did not say so yet, or somebody wrote
 * past the triggers): the difference between what the first change found and what is here, as one change.
 */
export function unrecorded({ state, newest }: Known, first: Recorded): Recorded | undefined {
  if (newest !== undefined) return undefined;
  const { row, tombstone } = state;
  const { before } = first.change;
  if (row !== undefined) {
    if (sameVersion(row, before)) return undefined;
    const change = { ...(before?.birth === row.birth ? { before } : {}), after: row };
    return { change, stamp: greatest([row.birth, ...row.stamps]) };
  }
  if (before === undefined || tombstone === undefined) return undefined;
  if (before.birth > tombstone.birth) return undefined;
  return { change: { before, deleted: tombstone }, stamp: tombstone.stamp };
}

/**
 * As `unrecorded`, where changes may have been made with knowledge of what is lost for good. What such a change found is
 * not what replay begins with: that is what the first recorded change found, or what is here.
 */
export function beginning(known: Known, history: History, first: Recorded): Recorded | undefined {
  const [oldest] = history.changes;
  const row = oldest === undefined ? known.state.row : oldest.change.before;
  if (history.base !== undefined || row === undefined || sameVersion(row, first.change.before)) {
    return unrecorded(known, first);
  }
  const stamp = greatest([row.birth, ...row.stamps]);
  return stamp < first.stamp ? { change: { after: row }, stamp } : unrecorded(known, first);
}

/**
 * Changes as they are recorded where their origin may have known what is lost for good (docs/convergence.md). A change of
 * an incarnation that is unknown here can only be of one whose insert is lost: an update is recorded as an insert of its
 * full image, a delete without a row. Not for others: before a model keeps history, incarnations are forgotten.
 */
export function restored(
  arrived: readonly Recorded[],
  known: { row: RowVersion | undefined; history: History },
): Recorded[] {
  const { base, changes } = known.history;
  const versions = [
    ...[known.row, base?.row, base?.last],
    ...changes.flatMap(({ change }) => [change.before, change.after]),
  ];
  const born = new Set(versions.map((version) => version?.birth));
  return arrived.map((one) => {
    const { before, after } = one.change;
    const isLost = before !== undefined && !born.has(before.birth);
    if (after !== undefined) born.add(after.birth);
    if (!isLost) return one;
    const { before: _, ...change } = one.change;
    return { ...one, change };
  });
}
