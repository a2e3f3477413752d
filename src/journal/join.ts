import { batchHeadEnd, commitsStream, FIXED } from './batch.ts';

/** Batches are joined up to this size. */
const MAX_JOINED = 256 * 1024;

/** Offsets in the fixed head (ARCHITECTURE.md §6). */
const AT = {
  incarnation: 7,
  previous: 11,
  last: 19,
  time: 27,
  transactions: 35,
  changes: 39,
} as const;

/** Consecutive batches of one origin that the store keeps as one. */
export class Joining {
  readonly #parts: Buffer[];
  readonly #headEnd: number;
  #size: number;

  constructor(first: Buffer) {
    this.#parts = [first];
    this.#headEnd = commitsStream(first) === undefined ? batchHeadEnd(first) : -1;
    this.#size = first.length;
  }

  /**
   * Adds the batch that follows, if it has the same knowledge and relations, byte for byte, and the whole
   * does not become too large. A batch that commits a stream stands alone.
   */
  add(next: Buffer): boolean {
    const last = this.#parts.at(-1)!;
    const fits =
      this.#headEnd > 0 &&
      this.#size + next.length <= MAX_JOINED &&
      commitsStream(next) === undefined &&
      next.readBigUInt64BE(AT.previous) === last.readBigUInt64BE(AT.last) &&
      next.readUInt32BE(AT.incarnation) === last.readUInt32BE(AT.incarnation) &&
      batchHeadEnd(next) === this.#headEnd &&
      next.compare(last, FIXED, this.#headEnd, FIXED, this.#headEnd) === 0;
    if (!fits) return false;
    this.#parts.push(next);
    this.#size += next.length - this.#headEnd;
    return true;
  }

  /** The batches as one. */
  bytes(): Buffer {
    const [first] = this.#parts;
    if (this.#parts.length === 1) return first!;
    const last = this.#parts.at(-1)!;
    const joined = Buffer.concat([
      first!,
      ...this.#parts.slice(1).map((part) => part.subarray(this.#headEnd)),
    ]);
    last.copy(joined, AT.last, AT.last, AT.transactions);
    const sum = (at: number): number =>
      this.#parts.reduce((total, part) => total + part.readUInt32BE(at), 0);
    joined.writeUInt32BE(sum(AT.transactions), AT.transactions);
    joined.writeUInt32BE(sum(AT.changes), AT.changes);
    return joined;
  }
}
