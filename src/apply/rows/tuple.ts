/*
 * TupleData of the logical replication protocol (PostgreSQL manual, "Logical Replication Message
 * Formats"): Int16 number of columns, then for each: Byte1 `n` null, `u` unchanged TOASTed value,
 * `b` binary or `t` text, the latter two with Int32 length and the value.
 *
 * This is the innermost loop of apply: offsets go to a caller's array, no object is made per field.
 */

const NULL = 0x6e;
const UNCHANGED = 0x75;
const BINARY = 0x62;

/** Marks in the length slot of a field. */
export const FIELD_NULL = -1;
export const FIELD_UNCHANGED = -2;

/** Where the fields of one tuple lie: for field n, start at `[2n]` and length (or mark) at `[2n + 1]`. */
export type Fields = Int32Array;

/** Room for PostgreSQL's limit of 1,600 columns a table. */
export function newFields(): Fields {
  return new Int32Array(2 * 1600);
}

/**
 * Locates the fields of the tuple at `offset`.
 *
 * @returns the offset after the tuple; `fields` is filled. A value in text form throws: entity columns
 *   whose type has no binary form are refused when a model is installed.
 */
export function readTuple(bytes: Buffer, offset: number, fields: Fields): number {
  const count = (bytes[offset]! << 8) | bytes[offset + 1]!;
  let at = offset + 2;
  for (let field = 0; field < count; field++) {
    const kind = bytes[at]!;
    if (kind === BINARY) {
      const length = bytes.readInt32BE(at + 1);
      fields[2 * field] = at + 5;
      fields[2 * field + 1] = length;
      at += 5 + length;
    } else if (kind === NULL || kind === UNCHANGED) {
      fields[2 * field] = at;
      fields[2 * field + 1] = kind === NULL ? FIELD_NULL : FIELD_UNCHANGED;
      at += 1;
    } else {
      throw new Error(`a value in text form in column ${field} of a change`);
    }
  }
  return at;
}

/** Offset after the tuple at `offset`, without looking at its values. */
export function skipTuple(bytes: Buffer, offset: number): number {
  const count = (bytes[offset]! << 8) | bytes[offset + 1]!;
  let at = offset + 2;
  for (let field = 0; field < count; field++) {
    const kind = bytes[at]!;
    at += kind === NULL || kind === UNCHANGED ? 1 : 5 + bytes.readInt32BE(at + 1);
  }
  return at;
}

/** True if one of the tuple's values was left out since it did not change (unchanged TOAST). */
export function hasUnchanged(bytes: Buffer, offset: number): boolean {
  const count = (bytes[offset]! << 8) | bytes[offset + 1]!;
  let at = offset + 2;
  for (let field = 0; field < count; field++) {
    const kind = bytes[at]!;
    if (kind === UNCHANGED) return true;
    at += kind === NULL ? 1 : 5 + bytes.readInt32BE(at + 1);
  }
  return false;
}

interface Ref {
  bytes: Buffer;
  offset: number;
}

/**
 * True if the row that a change left is the one that the next change found.
 *
 * @param left what the change left; values that it leaves out (unchanged TOAST) are those of `found`
 * @param found what the change found; undefined where it leaves out nothing
 * @param next what the next change found: always with all its values
 */
export function isSameRow(left: Ref, found: Ref | undefined, next: Ref): boolean {
  const whole =
    found !== undefined && hasUnchanged(left.bytes, left.offset)
      ? { bytes: completeTuple(left, found), offset: 0 }
      : left;
  const end = skipTuple(whole.bytes, whole.offset);
  const nextEnd = skipTuple(next.bytes, next.offset);
  return whole.bytes.compare(next.bytes, next.offset, nextEnd, whole.offset, end) === 0;
}

/** A tuple with its unchanged values replaced by those of the row before. */
export function completeTuple(
  after: { bytes: Buffer; offset: number },
  before: { bytes: Buffer; offset: number },
): Buffer {
  const next = newFields();
  const old = newFields();
  readTuple(after.bytes, after.offset, next);
  readTuple(before.bytes, before.offset, old);
  const count = after.bytes.readUInt16BE(after.offset);
  const parts: Buffer[] = [after.bytes.subarray(after.offset, after.offset + 2)];
  for (let field = 0; field < count; field++) {
    const unchanged = next[2 * field + 1] === FIELD_UNCHANGED;
    parts.push(unchanged ? rawField(before.bytes, old, field) : rawField(after.bytes, next, field));
  }
  return Buffer.concat(parts);
}

/**
 * The row after an update with its key, which is left out where it did not change and is long enough to be stored apart.
 *
 * @param next the fields of that row, located again where it is made whole
 */
export function withKey(
  key: readonly number[],
  next: Fields,
  { before, after }: { before: Ref; after: Ref },
): Ref {
  for (const field of key) {
    if (next[2 * field + 1] !== FIELD_UNCHANGED) continue;
    const bytes = completeTuple(after, before);
    readTuple(bytes, 0, next);
    return { bytes, offset: 0 };
  }
  return after;
}

/** The field with its kind and length bytes. */
function rawField(bytes: Buffer, fields: Fields, field: number): Buffer {
  const start = fields[2 * field]!;
  const length = fields[2 * field + 1]!;
  return length < 0 ? bytes.subarray(start, start + 1) : bytes.subarray(start - 5, start + length);
}

/** What identifies a row, usable as a map key. */
export type Key = string | number;

/** Beyond it the high word of a `bigint` leaves too little of a double for the low one. */
const MAX_HIGH = 2 ** 20;

/** The parts of a row that identify it: the bytes one to one, or the number that eight bytes are. */
export function keyOf(bytes: Buffer, fields: Fields, key: readonly number[]): Key {
  if (key.length === 1) {
    const field = key[0]!;
    const start = fields[2 * field]!;
    const length = fields[2 * field + 1]!;
    if (length === 8) {
      const high = bytes.readInt32BE(start);
      if (high < MAX_HIGH && high >= -MAX_HIGH)
        return high * 2 ** 32 + bytes.readUInt32BE(start + 4);
    }
    return bytes.toString('latin1', start, start + length);
  }
  let result = '';
  for (const field of key) {
    const start = fields[2 * field]!;
    const length = fields[2 * field + 1]!;
    result += `${length}:${bytes.toString('latin1', start, start + length)}`;
  }
  return result;
}
