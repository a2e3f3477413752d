import type { Chunk } from './journal.ts';

/*
 * Keys of the journal's B-trees. They sort as bytes: kind, origin, then position (batches) or
 * transaction and number (chunks), big-endian.
 */

const BATCH = 0;
const CHUNK = 1;

/** Key of a batch: kind, u16 origin, u64 position of its last transaction. */
export function batchKey(origin: number, position: bigint): Buffer {
  const key = Buffer.allocUnsafe(11);
  key[0] = BATCH;
  key.writeUInt16BE(origin, 1);
  key.writeBigUInt64BE(position, 3);
  return key;
}

export function positionOfKey(key: Buffer): bigint {
  return key.readBigUInt64BE(3);
}

/** Keys of an origin's batches that end at `from` or later. */
export function batchRange(origin: number, from: bigint): { start: Buffer; end: Buffer } {
  return { start: batchKey(origin, from), end: batchKey(origin + 1, 0n) };
}

/** Key of a chunk: kind, u16 origin, u32 xid, u32 number. */
export function chunkKey(chunk: Pick<Chunk, 'origin' | 'xid' | 'number'>): Buffer {
  const key = Buffer.allocUnsafe(11);
  key[0] = CHUNK;
  key.writeUInt16BE(chunk.origin, 1);
  key.writeUInt32BE(chunk.xid, 3);
  key.writeUInt32BE(chunk.number, 7);
  return key;
}

/** Key of the note that a streamed transaction's commit is in the journal: comes after all its chunks. */
export function commitKey(origin: number, xid: number): Buffer {
  return chunkKey({ origin, xid, number: 0xffffffff });
}

/** The transaction that a chunk's key belongs to. */
export function streamOfKey(key: Buffer): { origin: number; xid: number } {
  return { origin: key.readUInt16BE(1), xid: key.readUInt32BE(3) };
}

/** Keys of a transaction's chunks from a number on. */
export function chunkRange(
  origin: number,
  xid: number,
  from: number,
): { start: Buffer; end: Buffer } {
  const end = chunkKey({ origin, xid, number: 0xffffffff });
  return {
    start: chunkKey({ origin, xid, number: from }),
    end: Buffer.concat([end, Buffer.from([0])]),
  };
}
