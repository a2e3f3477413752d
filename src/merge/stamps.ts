import type { Change, Stamp } from './types.ts';

/** The low bits of a stamp, which name the site that made it (ARCHITECTURE.md §3). */
export const SITE_BITS = 2047n;

/** 2020-01-01 UTC, with which the time of stamps begins; ms since the Unix epoch. */
export const STAMP_EPOCH_MS = 1_577_836_800_000;

/** Number of the site that made the stamp; 0: the row is older than replication. */
export function siteOfStamp(stamp: Stamp): number {
  return Number(stamp & SITE_BITS);
}

/** The greatest of some stamps; 0 of none. */
export function greatest(stamps: readonly Stamp[]): Stamp {
  return stamps.reduce((one, other) => (other > one ? other : one), 0n);
}

/**
 * The stamp that a change has in a history: the greatest that it wrote. It names the change among all of
 * its key, since triggers stamp a write of such an entity above everything that they find of the key.
 *
 * @returns undefined for an update that wrote no stamp, which is no change
 */
export function stampOf(change: Change): Stamp | undefined {
  const { before, after, deleted } = change;
  const written = after === undefined ? [] : [after.birth, ...after.stamps];
  if (deleted !== undefined) written.push(deleted.stamp);
  const stamp = greatest(written);
  const found = before === undefined ? 0n : greatest([before.birth, ...before.stamps]);
  return deleted === undefined && before?.birth === after?.birth && stamp <= found
    ? undefined
    : stamp;
}
