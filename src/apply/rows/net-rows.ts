import type { KeyProbe } from './key-probe.ts';
import { newFields, readTuple } from './tuple.ts';

/** A tuple inside a batch's bytes. Nothing is copied while folding. */
export interface TupleRef {
  bytes: Buffer;
  offset: number;
}

/** The images of a change. `key`: a tuple with the key's values, also where there is neither of the others. */
export interface Images {
  before: TupleRef | undefined;
  after: TupleRef | undefined;
  key: TupleRef;
}

/**
 * The net change of one key: what its first change found and its last one left. `before` absent: the
 * first change was an insert. `after` absent: the last one was a delete. Kinds follow from them:
 * before and after: update (or, if `deleted` is set, delete and insert again); only after: insert; only
 * before: delete; neither: inserted and deleted again.
 */
export interface NetRow extends Images {
  /** Birth and stamp of the tombstone that the key's last delete left. */
  deleted: DeletedMark | undefined;
  /** What that delete found: `before` is what the first change found. */
  found?: TupleRef;
}

export interface DeletedMark {
  birth: bigint;
  stamp: bigint;
}

/** Kinds of staged changes, the values of the staging table's kind column. */
export type StageOp = 'I' | 'U' | 'D';

/** The kind under which a net row is staged, or undefined where only merge can take it. */
export function stageOp(row: NetRow): StageOp | undefined {
  return kind(row.before !== undefined, row.after !== undefined, row.deleted !== undefined);
}

function kind(hasBefore: boolean, hasAfter: boolean, isBuried: boolean): StageOp | undefined {
  if (!hasAfter) return hasBefore ? 'D' : undefined;
  if (isBuried) return undefined;
  return hasBefore ? 'U' : 'I';
}

const FIRST_ROWS = 16;
const NONE = -1;
/** Numbers a row: buffer and offset of before, after and key. */
const WIDTH = 6;
const BEFORE = 0;
const AFTER = 2;
const KEY = 4;
const STORED = newFields();

/**
 * Net rows by key, in order of their first change. A row is six numbers in an array and not objects: folds
 * hold tens of thousands of rows for some milliseconds, and with objects the garbage collector took a
 * third of an agent's time and the map of keys a quarter.
 */
export class NetRows {
  readonly #key: readonly number[];
  readonly #buffers: Buffer[] = [];
  #size = 0;
  #data = new Int32Array(FIRST_ROWS * WIDTH);
  #hashes = new Int32Array(FIRST_ROWS);
  /** Open addressing with linear probing: row + 1, or 0. Twice as many as there is room for rows. */
  #slots = new Int32Array(FIRST_ROWS * 2);
  readonly #deleted = new Map<number, { mark: DeletedMark; found: TupleRef }>();
  readonly #closed = new Set<number>();

  /** @param key fields of the key in the rows' tuples */
  constructor(key: readonly number[]) {
    this.#key = key;
  }

  get size(): number {
    return this.#size;
  }

  /** The row with the key, or -1. */
  find(probe: KeyProbe): number {
    const slot = this.#slot(probe);
    return this.#slots[slot]! - 1;
  }

  /** Adds a row whose key is not there yet. */
  add(probe: KeyProbe, row: Images): number {
    const index = this.append(row);
    this.#hashes[index] = probe.hash;
    this.#slots[this.#slot(probe)] = index + 1;
    return index;
  }

  /** Adds a row that no key finds. */
  append(row: Images): number {
    if ((this.#size + 1) * WIDTH > this.#data.length) this.#grow();
    const index = this.#size;
    this.#size += 1;
    this.#set(index, BEFORE, row.before);
    this.#set(index, AFTER, row.after);
    this.#set(index, KEY, row.key);
    return index;
  }

  before(index: number): TupleRef | undefined {
    return this.#get(index, BEFORE);
  }

  after(index: number): TupleRef | undefined {
    return this.#get(index, AFTER);
  }

  deleted(index: number): DeletedMark | undefined {
    return this.#deleted.size === 0 ? undefined : this.#deleted.get(index)?.mark;
  }

  /** Nothing that comes after may be folded with the row. */
  close(index: number): void {
    this.#closed.add(index);
  }

  isClosed(index: number): boolean {
    return this.#closed.size > 0 && this.#closed.has(index);
  }

  setAfter(index: number, after: TupleRef | undefined): void {
    this.#set(index, AFTER, after);
  }

  /** The key's last delete left the mark and found the tuple. */
  setDeleted(index: number, mark: DeletedMark, found: TupleRef): void {
    this.#deleted.set(index, { mark, found });
  }

  /** As `stageOp` of the row. */
  op(index: number): StageOp | undefined {
    const at = index * WIDTH;
    const hasBefore = this.#data[at + BEFORE] !== NONE;
    const hasAfter = this.#data[at + AFTER] !== NONE;
    return kind(hasBefore, hasAfter, this.deleted(index) !== undefined);
  }

  /** A row as an object. */
  row(index: number): NetRow {
    const deleted = this.#deleted.get(index);
    return {
      before: this.before(index),
      after: this.after(index),
      key: this.#get(index, KEY)!,
      deleted: deleted?.mark,
      ...(deleted === undefined ? {} : { found: deleted.found }),
    };
  }

  *values(): Generator<NetRow> {
    for (let index = 0; index < this.#size; index++) yield this.row(index);
  }

  #get(index: number, what: number): TupleRef | undefined {
    const at = index * WIDTH + what;
    const buffer = this.#data[at]!;
    if (buffer === NONE) return undefined;
    return { bytes: this.#buffers[buffer]!, offset: this.#data[at + 1]! };
  }

  #set(index: number, what: number, tuple: TupleRef | undefined): void {
    const at = index * WIDTH + what;
    this.#data[at] = tuple === undefined ? NONE : this.#buffer(tuple.bytes);
    this.#data[at + 1] = tuple?.offset ?? 0;
  }

  /** Changes come batch by batch, so the last buffer is nearly always the right one. */
  #buffer(bytes: Buffer): number {
    const last = this.#buffers.length - 1;
    if (last >= 0 && this.#buffers[last] === bytes) return last;
    return this.#buffers.push(bytes) - 1;
  }

  /** Where the key is, or the free slot where it belongs. */
  #slot(probe: KeyProbe): number {
    const mask = this.#slots.length - 1;
    let slot = probe.hash & mask;
    for (;;) {
      const index = this.#slots[slot]! - 1;
      if (index < 0) return slot;
      if (this.#hashes[index] === probe.hash && this.#isKeyOf(index, probe)) return slot;
      slot = (slot + 1) & mask;
    }
  }

  #isKeyOf(index: number, probe: KeyProbe): boolean {
    const at = index * WIDTH + KEY;
    const bytes = this.#buffers[this.#data[at]!]!;
    readTuple(bytes, this.#data[at + 1]!, STORED);
    return this.#key.every((field) => {
      const [start, length] = [STORED[2 * field]!, STORED[2 * field + 1]!];
      const other = probe.fields[2 * field]!;
      if (length !== probe.fields[2 * field + 1]) return false;
      return bytes.compare(probe.bytes, other, other + length, start, start + length) === 0;
    });
  }

  #grow(): void {
    const data = new Int32Array(this.#data.length * 2);
    data.set(this.#data);
    this.#data = data;
    const hashes = new Int32Array(this.#hashes.length * 2);
    hashes.set(this.#hashes);
    this.#hashes = hashes;
    this.#rehash(this.#slots.length * 2);
  }

  #rehash(length: number): void {
    const old = this.#slots;
    this.#slots = new Int32Array(length);
    for (const found of old) {
      if (found === 0) continue;
      let slot = this.#hashes[found - 1]! & (length - 1);
      while (this.#slots[slot] !== 0) slot = (slot + 1) & (length - 1);
      this.#slots[slot] = found;
    }
  }
}
