import { positionOfKey } from './journal-keys.ts';

/**
 * Most batches, and bytes of them, that are deleted in one write transaction. Each transaction is a sync of the disk: with one
 * a batch a slow disk trims less than comes in. More of them would need more room than `SMALL` (room.ts), for pages of the
 * trees and for the list of those that become free.
 */
const MAX_BATCHES = 200;
const MAX_BYTES = 64 * 1024 * 1024;

/**
 * Which batches are deleted together.
 *
 * @param keys of an origin's batches, the oldest first
 * @param of.upTo no batch that ends after it
 * @param of.size bytes of the batch with a key
 * @returns the first keys; none where no batch ends up to the position
 */
export function trimStep(
  keys: Iterable<Buffer>,
  of: { upTo: bigint; size: (key: Buffer) => number },
): Buffer[] {
  const step: Buffer[] = [];
  let bytes = 0;
  for (const key of keys) {
    if (positionOfKey(key) > of.upTo || step.length === MAX_BATCHES || bytes >= MAX_BYTES) break;
    step.push(key);
    bytes += of.size(key);
  }
  return step;
}
