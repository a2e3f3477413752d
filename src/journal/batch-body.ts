import { CHANGE, decodeBatch } from './batch.ts';
import type { Batch } from './journal.ts';

const FIRST_SIZE = 64 * 1024;
/** A buffer that one large transaction made grow beyond this is not kept. */
const KEPT_SIZE = 4 * 1024 * 1024;

/** Bytes of changes under construction: one buffer that grows, nothing per change. */
export class BatchBody {
  #bytes: Buffer = Buffer.allocUnsafe(FIRST_SIZE);
  #at = 0;

  get size(): number {
    return this.#at;
  }

  /** Begins a transaction. Its position is known at its commit: `commit` fills it in. */
  begin(xid: number): number {
    this.#reserve(25);
    const at = this.#at;
    this.#bytes[at] = CHANGE.begin;
    this.#bytes.writeUInt32BE(20, at + 1);
    this.#bytes.writeUInt32BE(xid, at + 21);
    this.#at = at + 25;
    return at;
  }

  commit(at: number, commit: { position: bigint; time: bigint }): void {
    this.#bytes.writeBigUInt64BE(commit.position, at + 5);
    this.#bytes.writeBigInt64BE(commit.time, at + 13);
  }

  /** Adds a change with the tuples at `source[start..end)`. */
  change(
    kind: number,
    relation: number,
    source: { bytes: Buffer; start: number; end: number },
  ): void {
    const length = 2 + source.end - source.start;
    this.#reserve(5 + length);
    this.#bytes[this.#at] = kind;
    this.#bytes.writeUInt32BE(length, this.#at + 1);
    this.#bytes.writeUInt16BE(relation, this.#at + 5);
    source.bytes.copy(this.#bytes, this.#at + 7, source.start, source.end);
    this.#at += 5 + length;
  }

  /** As `change` for an update whose message has a kind byte between its two tuples. */
  update(
    relation: number,
    source: { bytes: Buffer; old: number; oldEnd: number; next: number; end: number },
  ): void {
    const oldSize = source.oldEnd - source.old;
    const length = 2 + oldSize + source.end - source.next;
    this.#reserve(5 + length);
    this.#bytes[this.#at] = CHANGE.update;
    this.#bytes.writeUInt32BE(length, this.#at + 1);
    this.#bytes.writeUInt16BE(relation, this.#at + 5);
    source.bytes.copy(this.#bytes, this.#at + 7, source.old, source.oldEnd);
    source.bytes.copy(this.#bytes, this.#at + 7 + oldSize, source.next, source.end);
    this.#at += 5 + length;
  }

  /** Writes the xid of a subtransaction in front of the next change (in chunks). */
  xid(xid: number): void {
    this.#reserve(4);
    this.#at = this.#bytes.writeUInt32BE(xid, this.#at);
  }

  /** Takes back everything from `at` on. */
  truncate(at: number): void {
    this.#at = at;
  }

  /** The bytes, valid until the next change is added; the body starts anew. */
  take(): Buffer {
    const bytes = this.#bytes.subarray(0, this.#at);
    if (this.#bytes.length > KEPT_SIZE) this.#bytes = Buffer.allocUnsafe(FIRST_SIZE);
    this.#at = 0;
    return bytes;
  }

  #reserve(size: number): void {
    if (this.#at + size <= this.#bytes.length) return;
    const bigger = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#at + size));
    this.#bytes.copy(bigger, 0, 0, this.#at);
    this.#bytes = bigger;
  }
}

/** Positions of a batch's transactions. */
export function transactionsOf(batch: Batch): bigint[] {
  return [...commitsOf(batch)].map(({ position }) => position);
}

/** Commit time of the transaction at a position, µs since 2000-01-01; undefined where none of the batch ends there. */
export function timeOfTransaction(batch: Batch, position: bigint): bigint | undefined {
  for (const commit of commitsOf(batch)) if (commit.position === position) return commit.time;
  return undefined;
}

function* commitsOf(batch: Batch): Iterable<{ position: bigint; time: bigint }> {
  const { bytes, offset, stream, time } = decodeBatch(batch.bytes);
  if (stream !== undefined) {
    yield { position: batch.last, time };
    return;
  }
  for (let at = offset; at < bytes.length; at += 5 + bytes.readUInt32BE(at + 1)) {
    if (bytes[at] !== CHANGE.begin) continue;
    yield { position: bytes.readBigUInt64BE(at + 5), time: bytes.readBigInt64BE(at + 13) };
  }
}
