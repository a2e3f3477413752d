/** Receives the fields of staged rows in the order of `stageColumns`. */
export interface FieldSink {
  int32(value: number): void;
  char(code: number): void;
  int64(value: bigint): void;
  /** The 64-bit integer 0. */
  zero(): void;
  /** A value in its binary form; a negative length is NULL. */
  raw(bytes: Buffer, start: number, length: number): void;
}

/** Header and trailer of COPY's binary format (PostgreSQL manual, COPY, "Binary Format"). */
const COPY_HEADER = Buffer.from('PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0', 'latin1');
const COPY_TRAILER = Buffer.from([0xff, 0xff]);
const COPY_CHUNK = 256 * 1024;
/** Up to so many bytes a loop is faster than a call of `copy`. */
const SHORT = 32;
/** A field of length 8 with value 0. */
const ZERO = Buffer.from([0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0]);

/** A sink that writes COPY BINARY rows into growing chunks. */
export class CopySink implements FieldSink {
  #buffer: Buffer = Buffer.allocUnsafe(COPY_CHUNK);
  #at = 0;
  readonly #full: Buffer[] = [];

  constructor() {
    COPY_HEADER.copy(this.#buffer);
    this.#at = COPY_HEADER.length;
  }

  /** Starts a row of so many fields. */
  row(fields: number): void {
    this.#reserve(2);
    this.#at = this.#buffer.writeInt16BE(fields, this.#at);
  }

  int32(value: number): void {
    this.#reserve(8);
    this.#at = this.#buffer.writeInt32BE(4, this.#at);
    this.#at = this.#buffer.writeInt32BE(value, this.#at);
  }

  char(code: number): void {
    this.#reserve(5);
    this.#at = this.#buffer.writeInt32BE(1, this.#at);
    this.#buffer[this.#at++] = code;
  }

  int64(value: bigint): void {
    this.#reserve(12);
    this.#at = this.#buffer.writeInt32BE(8, this.#at);
    this.#at = this.#buffer.writeBigInt64BE(value, this.#at);
  }

  zero(): void {
    this.#reserve(12);
    const end = this.#at + 12;
    this.#buffer.fill(0, this.#at, end);
    this.#buffer[this.#at + 3] = 8;
    this.#at = end;
  }

  raw(bytes: Buffer, start: number, length: number): void {
    if (length < 0) {
      this.#reserve(4);
      this.#at = this.#buffer.writeInt32BE(-1, this.#at);
      return;
    }
    this.#reserve(4 + length);
    this.#at = this.#buffer.writeInt32BE(length, this.#at);
    if (length > SHORT) {
      this.#at += bytes.copy(this.#buffer, this.#at, start, start + length);
      return;
    }
    const buffer = this.#buffer;
    for (let i = 0; i < length; i++) buffer[this.#at + i] = bytes[start + i]!;
    this.#at += length;
  }

  /** The full chunks so far; the caller sends them and they are forgotten here. */
  take(): Buffer[] {
    return this.#full.splice(0);
  }

  /** Everything that is left, with the trailer. */
  end(): Buffer[] {
    this.#reserve(2);
    this.#at += COPY_TRAILER.copy(this.#buffer, this.#at);
    return [...this.take(), this.#buffer.subarray(0, this.#at)];
  }

  #reserve(size: number): void {
    if (this.#at + size <= this.#buffer.length) return;
    this.#full.push(this.#buffer.subarray(0, this.#at));
    this.#buffer = Buffer.allocUnsafe(Math.max(COPY_CHUNK, size));
    this.#at = 0;
  }
}

/** Head of an array: ndim, has-null flag, element oid, length, lower bound. */
const ARRAY_HEAD = 20;
const FIRST_SIZE = 256;

/** One column of an `ArraySink`. */
class ArrayColumn {
  readonly #oid: number;
  #bytes: Buffer = Buffer.allocUnsafe(FIRST_SIZE);
  #at = ARRAY_HEAD;
  #nulls = 0;

  constructor(oid: number) {
    this.#oid = oid;
  }

  /** Room for so many bytes; returns where they go. */
  reserve(size: number): { bytes: Buffer; at: number } {
    const at = this.#at;
    if (at + size > this.#bytes.length) {
      const bigger = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, at + size));
      this.#bytes.copy(bigger, 0, 0, at);
      this.#bytes = bigger;
    }
    this.#at = at + size;
    return { bytes: this.#bytes, at };
  }

  null(): void {
    const { bytes, at } = this.reserve(4);
    bytes.writeInt32BE(-1, at);
    this.#nulls = 1;
  }

  /** The array of so many elements. */
  end(elements: number): Buffer {
    const head = [1, this.#nulls, this.#oid, elements, 1];
    for (const [index, value] of head.entries()) this.#bytes.writeUInt32BE(value, 4 * index);
    return this.#bytes.subarray(0, this.#at);
  }
}

/**
 * A sink that collects columns as one-dimensional arrays in binary form (`array_recv` in PostgreSQL's
 * arrayfuncs.c): a head, then the elements, each with its length.
 */
export class ArraySink implements FieldSink {
  readonly #columns: ArrayColumn[];
  #column = 0;
  #rows = 0;

  constructor(elementOids: readonly number[]) {
    this.#columns = elementOids.map((oid) => new ArrayColumn(oid));
  }

  int32(value: number): void {
    const { bytes, at } = this.#next().reserve(8);
    bytes.writeInt32BE(4, at);
    bytes.writeInt32BE(value, at + 4);
  }

  char(code: number): void {
    const { bytes, at } = this.#next().reserve(5);
    bytes.writeInt32BE(1, at);
    bytes[at + 4] = code;
  }

  int64(value: bigint): void {
    const { bytes, at } = this.#next().reserve(12);
    bytes.writeInt32BE(8, at);
    bytes.writeBigInt64BE(value, at + 4);
  }

  zero(): void {
    const { bytes, at } = this.#next().reserve(12);
    ZERO.copy(bytes, at);
  }

  raw(bytes: Buffer, start: number, length: number): void {
    if (length < 0) {
      this.#next().null();
      return;
    }
    // In a tuple the length stands right before the value, in the form that an array wants too.
    const place = this.#next().reserve(4 + length);
    bytes.copy(place.bytes, place.at, start - 4, start + length);
  }

  /** One parameter a column. */
  params(): Buffer[] {
    return this.#columns.map((column) => column.end(this.#rows));
  }

  /** Where the next field goes. */
  #next(): ArrayColumn {
    const column = this.#columns[this.#column]!;
    this.#column += 1;
    if (this.#column === this.#columns.length) {
      this.#column = 0;
      this.#rows += 1;
    }
    return column;
  }
}
