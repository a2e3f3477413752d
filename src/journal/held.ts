/**
 * Bytes of memory that a buffer keeps. A short one is a part of a slab, which stays as a whole (`Buffer.poolSize`): at a low
 * rate it is often the only one in it that lives.
 */
export function heldBy(bytes: Buffer): number {
  return Math.max(bytes.length, bytes.buffer.byteLength);
}
