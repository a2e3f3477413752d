import type { TupleRef } from '../../src/apply/fold/fold.ts';
import { FIELD_NULL, FIELD_UNCHANGED, newFields, readTuple } from '../../src/apply/rows/tuple.ts';
import { valueColumns } from '../../src/merge/policy.ts';
import type { RowVersion, Tombstone, Value } from '../../src/merge/types.ts';
import type { SimEntity, SimRelation } from './model.ts';

/*
 * The messages of pgoutput that a local transaction becomes (PostgreSQL manual, 53.9), and back: rows out
 * of the tuples that apply has folded.
 */

const u16 = (value: number): Buffer => {
  const bytes = Buffer.allocUnsafe(2);
  bytes.writeUInt16BE(value);
  return bytes;
};
const u32 = (value: number): Buffer => {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeUInt32BE(value);
  return bytes;
};
/** A bigint in binary format. */
export const u64 = (value: bigint): Buffer => {
  const bytes = Buffer.allocUnsafe(8);
  bytes.writeBigInt64BE(value);
  return bytes;
};
/** A text in binary format. */
export const text = (value: string): Buffer => Buffer.from(value, 'utf8');
const zero = (value: string): Buffer => text(`${value}\0`);

export function beginMessage(xid: number): Buffer {
  return Buffer.concat([text('B'), u64(0n), u64(0n), u32(xid)]);
}

export function commitMessage(position: bigint, time: bigint): Buffer {
  return Buffer.concat([text('C\0'), u64(position - 1n), u64(position), u64(time)]);
}

/** The beacon's message: this site is about to show the origin's changes up to a position. */
export function knownMessage(origin: number, position: bigint): Buffer {
  const content = text(`${origin} 1 ${position}`);
  return Buffer.concat([text('M\0'), u64(0n), zero('crp.known'), u32(content.length), content]);
}

export function relationMessage(relation: SimRelation): Buffer {
  const columns = relation.columns.flatMap(({ name, oid, key }) => [
    ...[Buffer.from([key ? 1 : 0]), zero(name), u32(oid), u32(0xffffffff)],
  ]);
  return Buffer.concat([
    ...[text('R'), u32(relation.oid), zero(relation.schema), zero(relation.name)],
    ...[text(relation.full ? 'f' : 'd'), u16(relation.columns.length), ...columns],
  ]);
}

export function insertMessage(relation: SimRelation, after: Buffer): Buffer {
  return Buffer.concat([text('I'), u32(relation.oid), text('N'), after]);
}

export function updateMessage(relation: SimRelation, before: Buffer, after: Buffer): Buffer {
  return Buffer.concat([text('U'), u32(relation.oid), text('O'), before, text('N'), after]);
}

/** An update of a table with the default replica identity whose key did not change. */
export function updateNewMessage(relation: SimRelation, after: Buffer): Buffer {
  return Buffer.concat([text('U'), u32(relation.oid), text('N'), after]);
}

export function deleteMessage(relation: SimRelation, before: Buffer): Buffer {
  return Buffer.concat([text('D'), u32(relation.oid), text('O'), before]);
}

export type Field = Buffer | null | 'unchanged';

/** TupleData of pgoutput with values in binary format (PostgreSQL manual, 53.9). */
export function tuple(fields: readonly Field[]): Buffer {
  const parts = fields.flatMap((field) => {
    if (field === null) return [text('n')];
    if (field === 'unchanged') return [text('u')];
    return [text('b'), u32(field.length), field];
  });
  return Buffer.concat([u16(fields.length), ...parts]);
}

/** TupleData of a row; with `before`, values that did not change and are TOASTed are left out. */
export function rowTuple(
  sim: SimEntity,
  key: number,
  rows: { row: RowVersion; before?: RowVersion },
): Buffer {
  const { row, before } = rows;
  const values = row.values.map((value, place): Field => {
    if (value === null) return null;
    const same = before !== undefined && before.values[place] === value;
    return same && sim.toasted.has(place) ? 'unchanged' : text(value);
  });
  return tuple([u64(BigInt(key)), ...values, u64(row.birth), ...row.stamps.map(u64)]);
}

export function tombstoneTuple(key: number, tombstone: Tombstone): Buffer {
  return tuple([u64(BigInt(key)), u64(tombstone.birth), u64(tombstone.stamp)]);
}

const FIELDS = newFields();

/** The key of a tuple of the entity. */
export function readKey(ref: TupleRef): number {
  readTuple(ref.bytes, ref.offset, FIELDS);
  return Number(ref.bytes.readBigInt64BE(FIELDS[0]!));
}

/** The row of a tuple. Values that it leaves out are those of `before`. */
export function readRow(sim: SimEntity, ref: TupleRef, before?: RowVersion): RowVersion {
  const { bytes } = ref;
  readTuple(bytes, ref.offset, FIELDS);
  const width = valueColumns(sim.entity).length;
  const values = Array.from({ length: width }, (_, place): Value => {
    const start = FIELDS[2 * (place + 1)]!;
    const length = FIELDS[2 * (place + 1) + 1]!;
    if (length === FIELD_NULL) return null;
    if (length === FIELD_UNCHANGED) return before?.values[place] ?? null;
    return bytes.toString('utf8', start, start + length);
  });
  const bigint = (field: number): bigint => bytes.readBigInt64BE(FIELDS[2 * field]!);
  return { birth: bigint(sim.plan.birth), stamps: sim.plan.stamps.map(bigint), values };
}
