import type { Put } from './group-commit.ts';
import { Joining } from './join.ts';
import type { Batch, Chunk } from './journal.ts';
import { batchKey, chunkKey, commitKey } from './journal-keys.ts';

const NOTHING = Buffer.alloc(0);

/** A streamed transaction. */
export interface Stream {
  origin: number;
  xid: number;
}

export interface Write extends Put {
  kind: 'batch' | 'chunk' | 'abort';
  /** The streamed transaction that it commits or rolls back. */
  stream?: Stream;
}

/** What is to be written for a batch. `xid`: of the streamed transaction that it commits. */
export function batchWrite({ origin, last, bytes }: Batch, xid: number | undefined): Write {
  const stream = xid === undefined ? {} : { stream: { origin, xid } };
  return { kind: 'batch', key: batchKey(origin, last), bytes, ...stream };
}

export function chunkWrite(chunk: Chunk): Write {
  return { kind: 'chunk', key: chunkKey(chunk), bytes: chunk.bytes };
}

export function abortWrite(stream: Stream): Write {
  return { kind: 'abort', key: commitKey(stream.origin, stream.xid), bytes: NOTHING, stream };
}

/** What came as many small batches is stored, and sent after an outage, as few large ones. */
export function joinWrites(puts: readonly Write[]): readonly Write[] {
  const runs: { last: Write; parts?: Joining }[] = [];
  for (const put of puts) {
    const run = runs.at(-1);
    const sameOrigin = run?.last.key.readUInt16BE(1) === put.key.readUInt16BE(1);
    if (put.kind !== 'batch') runs.push({ last: put });
    else if (sameOrigin && run?.parts?.add(put.bytes) === true) run.last = put;
    else runs.push({ last: put, parts: new Joining(put.bytes) });
  }
  return runs.map(({ last, parts }) => (parts ? { ...last, bytes: parts.bytes() } : last));
}

/** Bytes of all values. */
export function sizeOf(writes: readonly Write[]): number {
  return writes.reduce((sum, write) => sum + write.bytes.length, 0);
}

/** A streamed transaction as a key of a map. */
export function nameOf({ origin, xid }: Stream): string {
  return `${origin}/${xid}`;
}
