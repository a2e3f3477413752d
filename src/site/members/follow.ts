import type { Beacon } from '../../apply/beacon.ts';
import { STAMP_EPOCH_MS } from '../../merge/stamps.ts';

/**
 * Has this site stamp its writes after a stamp from now on, also after a crash. False where that would be further
 * ahead of the clock than is allowed: no site is to make others write stamps that are as far ahead as its own clock.
 */
export type Follow = (stamp: bigint) => Promise<boolean>;

/** By the site's beacon, which alone sets the floor. */
export function followWith(beacon: Beacon, maxDriftMs: number): Follow {
  return (stamp) => {
    const latest = Date.now() - STAMP_EPOCH_MS + maxDriftMs;
    return beacon.raise(stamp, BigInt(latest) * 1000n);
  };
}
