import {
  batchDamaged,
  batchHeadEnd,
  CHANGE,
  decodeBatch,
  decodeChunk,
  FLAG_STREAM,
} from './batch.ts';

/*
 * What comes over a link is looked at before the journal takes it, hands it on and says that it has it: its origin would
 * forget it then, and a batch without an end would keep the journal from writing any other one. Values are not looked at.
 */

const KINDS = new Set<number>(Object.values(CHANGE));

/**
 * Checks that head, relations and changes of a batch are whole.
 *
 * @throws AppError BATCH_DAMAGED
 */
export function checkBatch(bytes: Buffer): void {
  const isStream = (bytes[4]! & FLAG_STREAM) !== 0;
  walk(bytes, () => {
    const start = isStream ? decodeBatch(bytes).offset : batchHeadEnd(bytes);
    return changesEnd(bytes, start, 0);
  });
}

/**
 * Checks that relations and changes of a chunk are whole.
 *
 * @throws AppError BATCH_DAMAGED
 */
export function checkChunk(bytes: Buffer): void {
  walk(bytes, () => changesEnd(bytes, decodeChunk(bytes).offset, 4));
}

function walk(bytes: Buffer, end: () => number): void {
  let found: number;
  try {
    found = end();
  } catch (error) {
    if (error instanceof RangeError) throw batchDamaged('it ends early', error);
    throw error;
  }
  if (found !== bytes.length) throw batchDamaged('it ends early');
}

/** @param before bytes in front of each change */
function changesEnd(bytes: Buffer, start: number, before: number): number {
  let at = start;
  while (at < bytes.length) {
    at += before;
    const kind = bytes.readUInt8(at);
    if (!KINDS.has(kind)) throw batchDamaged(`there is no change of kind ${kind}`);
    at += 5 + bytes.readUInt32BE(at + 1);
  }
  return at;
}
