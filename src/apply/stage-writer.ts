import { differenceColumns, stageColumns } from '../sql/staging.ts';
import type { EntityPlan } from './relation.ts';
import type { DeletedMark, NetRows, StageOp, TupleRef } from './net-rows.ts';
import { FIELD_UNCHANGED, newFields, readTuple } from './tuple.ts';
import type { Fields } from './tuple.ts';

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

/**
 * Turns net rows into staged rows. One encoder a plan; not reentrant (it reuses its offset arrays).
 */
export class StageEncoder {
  readonly plan: EntityPlan;
  readonly fieldCount: number;
  readonly #oldFields: number[];
  readonly #before: Fields = newFields();
  readonly #after: Fields = newFields();

  constructor(plan: EntityPlan) {
    this.plan = plan;
    this.fieldCount = stageColumns(plan.shape).length;
    this.#oldFields = differenceColumns(plan.shape).map((column) =>
      fieldOfColumn(plan, column.name),
    );
  }

  /** Emits row `index` of the rows. For a delete the shape's columns are those of the row before. */
  encode(sink: FieldSink, rows: NetRows, head: { index: number; op: StageOp }): void {
    const before = rows.before(head.index);
    const after = rows.after(head.index);
    if (before !== undefined) readTuple(before.bytes, before.offset, this.#before);
    if (after !== undefined) readTuple(after.bytes, after.offset, this.#after);
    sink.int32(head.index);
    sink.char(head.op.charCodeAt(0));
    sink.int32(before !== undefined && after !== undefined ? this.#mask(before, after) : 0);
    this.#emitBase(sink, before);
    this.#emitDeleted(sink, rows.deleted(head.index));
    for (const field of this.#oldFields) this.#emitBefore(sink, before, field);
    for (const field of this.plan.fieldOf) this.#emitColumn(sink, { before, after }, field);
  }

  /** Groups whose stamp differs between the two rows. */
  #mask(before: TupleRef, after: TupleRef): number {
    let mask = 0;
    const { stamps } = this.plan;
    for (let group = 0; group < stamps.length; group++) {
      const old = this.#before[2 * stamps[group]!]!;
      const next = this.#after[2 * stamps[group]!]!;
      if (!sameStamp(before, after, { old, next })) mask |= 1 << group;
    }
    return mask;
  }

  #emitDeleted(sink: FieldSink, deleted: DeletedMark | undefined): void {
    if (deleted === undefined) {
      sink.zero();
      sink.zero();
    } else {
      sink.int64(deleted.birth);
      sink.int64(deleted.stamp);
    }
  }

  #emitBase(sink: FieldSink, before: TupleRef | undefined): void {
    this.#emitBefore(sink, before, this.plan.birth);
    for (const field of this.plan.stamps) this.#emitBefore(sink, before, field);
  }

  #emitBefore(sink: FieldSink, before: TupleRef | undefined, field: number): void {
    if (before === undefined) sink.zero();
    else sink.raw(before.bytes, this.#before[2 * field]!, this.#before[2 * field + 1]!);
  }

  #emitColumn(
    sink: FieldSink,
    row: { before: TupleRef | undefined; after: TupleRef | undefined },
    field: number,
  ): void {
    const { before, after } = row;
    const length = after === undefined ? FIELD_UNCHANGED : this.#after[2 * field + 1]!;
    if (length !== FIELD_UNCHANGED) {
      sink.raw(after!.bytes, this.#after[2 * field]!, length);
    } else {
      sink.raw(before!.bytes, this.#before[2 * field]!, this.#before[2 * field + 1]!);
    }
  }
}

/** Compares two 64-bit integers; low words first, since they differ when anything does. */
function sameStamp(before: TupleRef, after: TupleRef, at: { old: number; next: number }): boolean {
  return (
    before.bytes.readInt32BE(at.old + 4) === after.bytes.readInt32BE(at.next + 4) &&
    before.bytes.readInt32BE(at.old) === after.bytes.readInt32BE(at.next)
  );
}

function fieldOfColumn(plan: EntityPlan, name: string): number {
  const index = plan.shape.columns.findIndex((column) => column.name === name);
  return plan.fieldOf[index]!;
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

/**
 * A sink that collects columns as one-dimensional arrays in binary form (`array_recv` in PostgreSQL's
 * arrayfuncs.c): ndim, has-null flag, element oid, length, lower bound, then the elements.
 */
export class ArraySink implements FieldSink {
  readonly #columns: { oid: number; parts: Buffer[]; size: number; nulls: boolean }[];
  #column = 0;
  #rows = 0;

  constructor(elementOids: readonly number[]) {
    this.#columns = elementOids.map((oid) => ({ oid, parts: [], size: 0, nulls: false }));
  }

  int32(value: number): void {
    const part = Buffer.allocUnsafe(8);
    part.writeInt32BE(4, 0);
    part.writeInt32BE(value, 4);
    this.#push(part);
  }

  char(code: number): void {
    this.#push(Buffer.from([0, 0, 0, 1, code]));
  }

  int64(value: bigint): void {
    const part = Buffer.allocUnsafe(12);
    part.writeInt32BE(8, 0);
    part.writeBigInt64BE(value, 4);
    this.#push(part);
  }

  zero(): void {
    this.#push(ZERO);
  }

  raw(bytes: Buffer, start: number, length: number): void {
    if (length < 0) {
      this.#columns[this.#column]!.nulls = true;
      this.#push(Buffer.from([0xff, 0xff, 0xff, 0xff]));
    } else {
      // In a tuple the length stands right before the value, in the form that an array wants too.
      this.#push(bytes.subarray(start - 4, start + length));
    }
  }

  /** One parameter a column. */
  params(): Buffer[] {
    return this.#columns.map((column) => {
      const head = Buffer.allocUnsafe(20);
      head.writeInt32BE(1, 0);
      head.writeInt32BE(column.nulls ? 1 : 0, 4);
      head.writeUInt32BE(column.oid, 8);
      head.writeInt32BE(this.#rows, 12);
      head.writeInt32BE(1, 16);
      return Buffer.concat([head, ...column.parts]);
    });
  }

  #push(part: Buffer): void {
    this.#columns[this.#column]!.parts.push(part);
    this.#column += 1;
    if (this.#column < this.#columns.length) return;
    this.#column = 0;
    this.#rows += 1;
  }
}
