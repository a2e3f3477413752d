import { FIXED, FLAG_STREAM, MAGIC } from './batch.ts';
import type { BatchContent, BatchRelation, StreamCommit } from './batch.ts';
import type { Batch } from './journal.ts';

/** Encodes a batch for the journal. */
export function encodeBatch(content: BatchContent): Batch {
  const fixed = Buffer.allocUnsafe(FIXED);
  let at = fixed.writeUInt32BE(MAGIC, 0);
  at = fixed.writeUInt8(content.stream === undefined ? 0 : FLAG_STREAM, at);
  at = fixed.writeUInt16BE(content.origin, at);
  at = fixed.writeUInt32BE(content.incarnation, at);
  at = fixed.writeBigUInt64BE(content.previous, at);
  at = fixed.writeBigUInt64BE(content.last, at);
  at = fixed.writeBigInt64BE(content.time, at);
  at = fixed.writeUInt32BE(content.transactions, at);
  fixed.writeUInt32BE(content.changes, at);
  const relationCount = Buffer.allocUnsafe(2);
  relationCount.writeUInt16BE(content.relations.length);
  const parts = [fixed, encodeVector(content.knowledge), relationCount, ...content.relations];
  if (content.stream !== undefined) parts.push(encodeStream(content.stream));
  const { origin, incarnation, previous, last } = content;
  return { origin, incarnation, previous, last, bytes: Buffer.concat([...parts, content.body]) };
}

function encodeVector(knowledge: ReadonlyMap<number, bigint>): Buffer {
  const bytes = Buffer.allocUnsafe(2 + 10 * knowledge.size);
  let at = bytes.writeUInt16BE(knowledge.size, 0);
  for (const [origin, position] of knowledge) {
    at = bytes.writeUInt16BE(origin, at);
    at = bytes.writeBigUInt64BE(position, at);
  }
  return bytes;
}

function encodeStream(stream: StreamCommit): Buffer {
  const bytes = Buffer.allocUnsafe(12 + 4 * stream.aborted.length);
  let at = bytes.writeUInt32BE(stream.xid, 0);
  at = bytes.writeUInt32BE(stream.chunks, at);
  at = bytes.writeUInt32BE(stream.aborted.length, at);
  for (const xid of stream.aborted) at = bytes.writeUInt32BE(xid, at);
  return bytes;
}

/** One relation in its encoded form, which also identifies it. */
export function encodeRelation(relation: BatchRelation): Buffer {
  const count = Buffer.allocUnsafe(2);
  count.writeUInt16BE(relation.columns.length);
  const parts = [text(relation.schema), text(relation.name), count];
  for (const column of relation.columns) {
    const head = Buffer.allocUnsafe(5);
    head.writeUInt8(column.key ? 1 : 0, 0);
    head.writeUInt32BE(column.oid, 1);
    parts.push(head, text(column.name), text(column.typeName));
  }
  return Buffer.concat(parts);
}

function text(value: string): Buffer {
  const length = Buffer.allocUnsafe(2);
  length.writeUInt16BE(Buffer.byteLength(value));
  return Buffer.concat([length, Buffer.from(value)]);
}

/** Encodes a chunk: relations that it refers to, then changes, each after the u32 xid of its subtransaction. */
export function encodeChunk(relations: readonly Buffer[], body: Buffer): Buffer {
  const count = Buffer.allocUnsafe(2);
  count.writeUInt16BE(relations.length);
  return Buffer.concat([count, ...relations, body]);
}
