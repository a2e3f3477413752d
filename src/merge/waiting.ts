import { merge } from './merge.ts';
import type { KeyState, MergePolicy, MergeResult, RowVersion } from './types.ts';

/** A key whose merged row is kept out of the table; `base`: what the table had when it was parked. */
export interface ParkedRow {
  row: RowVersion;
  base: RowVersion | undefined;
}

/**
 * The whole state of a key that waits: the parked row, with what was written into the table since it was
 * parked. Those writes are changes of `base`, so that what they add to a counter is added once. Pure.
 */
export function wholeState(
  policy: MergePolicy,
  { row, base }: ParkedRow,
  physical: KeyState,
): MergeResult {
  return merge(
    policy,
    { row },
    {
      ...(base === undefined ? {} : { before: withOldStamps(base, physical.row, policy) }),
      ...(physical.row === undefined ? {} : { after: physical.row }),
      ...(physical.tombstone === undefined ? {} : { deleted: physical.tombstone }),
    },
  );
}

/**
 * Of what joins writes, a sum or a best value, other values can have come in under the stamp that was there
 * already; merge leaves out groups with the same stamp.
 */
function withOldStamps(
  base: RowVersion,
  now: RowVersion | undefined,
  { groups }: MergePolicy,
): RowVersion {
  if (now === undefined) return base;
  const stamps = base.stamps.map((stamp, group) => {
    const { columns } = groups[group]!;
    const same = columns.every((place) => base.values[place] === now.values[place]);
    return same || stamp !== now.stamps[group] ? stamp : stamp - 1n;
  });
  return { ...base, stamps };
}
