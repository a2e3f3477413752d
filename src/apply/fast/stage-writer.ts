import { differenceColumns, stageColumns } from '../../sql/apply/staging.ts';
import type { EntityPlan } from '../rows/relation.ts';
import type { FieldSink } from '../rows/field-sinks.ts';
import type { DeletedMark, NetRows, StageOp, TupleRef } from '../rows/net-rows.ts';
import { FIELD_UNCHANGED, newFields, readTuple } from '../rows/tuple.ts';
import type { Fields } from '../rows/tuple.ts';

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
    for (const field of this.#oldFields) this.#emitOld(sink, before, field);
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

  /** An insert has no old value: NULL, which every type has. */
  #emitOld(sink: FieldSink, before: TupleRef | undefined, field: number): void {
    if (before === undefined) sink.raw(NOTHING, 0, -1);
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

const NOTHING = Buffer.alloc(0);

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
