import type { Asking } from './decide.ts';
import { replaySteps } from './replay.ts';
import type { History, MergePolicy, Recorded, Replayed, Stamp } from './types.ts';

/**
 * Adds a change to a history, in the order of stamps; one that is there already changes nothing. Pure. What
 * is up to the base must not be added again: the stamps tell.
 */
export function withChange(history: History, added: Recorded): History {
  const { changes } = history;
  const at = changes.findLastIndex(({ stamp }) => stamp <= added.stamp);
  if (changes[at]?.stamp === added.stamp) return history;
  return { ...history, changes: changes.toSpliced(at + 1, 0, added) };
}

/**
 * A history without its changes up to a stable stamp: what they led to is the base of those that are left.
 * The state that it is replayed to is the same.
 *
 * @returns undefined when nothing is left: what the row holds is stable; the same history where it cannot be shorter yet
 */
export function* trimSteps(
  policy: MergePolicy,
  history: History,
  stable: Stamp,
): Asking<History | undefined> {
  const changes = history.changes.filter(({ stamp }) => stamp > stable);
  if (changes.length === 0) return undefined;
  if (changes.length === history.changes.length) return history;
  const prefix = history.changes.slice(0, -changes.length);
  const replayed = yield* replaySteps(policy, { ...history, changes: prefix });
  if (policy.onKeyClash === 'merge' && !isEnough(replayed, changes)) return history;
  const { state, last } = replayed;
  return { base: { ...state, ...(last === undefined ? {} : { last }) }, changes };
}

/**
 * Whether a base says enough of what it was made of for the changes that are left. Of inserts that were merged it has the
 * later birth only, and those who knew one of the earlier ones change the row by that. And an insert takes the place of a
 * row that outlived a delete, of which a base does not tell.
 */
function isEnough({ state, last, births, outlived }: Replayed, left: readonly Recorded[]): boolean {
  const birth = (state.row ?? last)?.birth;
  return left.every(({ change: { before, after } }) => {
    if (outlived && after !== undefined && after.birth !== before?.birth) return false;
    return before === undefined || before.birth === birth || !births.has(before.birth);
  });
}
