/*
 * Reading pgoutput messages (PostgreSQL manual, 53.9 "Logical Replication Message Formats") only as far
 * as capture needs: frames, not values.
 */

export const MESSAGE = {
  begin: 0x42,
  commit: 0x43,
  origin: 0x4f,
  relation: 0x52,
  type: 0x59,
  insert: 0x49,
  update: 0x55,
  remove: 0x44,
  truncate: 0x54,
  message: 0x4d,
  streamStart: 0x53,
  streamStop: 0x45,
  streamCommit: 0x63,
  streamAbort: 0x41,
} as const;

export const OLD_TUPLE = 0x4f;
export const KEY_TUPLE = 0x4b;

/** A Relation message. */
export interface RelationMessage {
  oid: number;
  schema: string;
  name: string;
  /** `f` full, `d` default (key), `n` nothing, `i` index. */
  identity: string;
  columns: { key: boolean; name: string; oid: number }[];
}

/** A zero-terminated string and the offset after it. */
export function cString(bytes: Buffer, at: number): { value: string; end: number } {
  const end = bytes.indexOf(0, at);
  return { value: bytes.toString('utf8', at, end), end: end + 1 };
}

/** @param at offset after the message's kind (and xid, in a stream) */
export function readRelationMessage(bytes: Buffer, at: number): RelationMessage {
  const oid = bytes.readUInt32BE(at);
  const schema = cString(bytes, at + 4);
  const name = cString(bytes, schema.end);
  const identity = String.fromCharCode(bytes[name.end]!);
  const count = bytes.readUInt16BE(name.end + 1);
  const columns: RelationMessage['columns'] = [];
  let next = name.end + 3;
  for (let index = 0; index < count; index++) {
    const key = (bytes[next]! & 1) === 1;
    const column = cString(bytes, next + 1);
    columns.push({ key, name: column.value, oid: bytes.readUInt32BE(column.end) });
    next = column.end + 8;
  }
  return {
    oid,
    schema: schema.value === '' ? 'pg_catalog' : schema.value,
    name: name.value,
    identity,
    columns,
  };
}

/** A Type message: oid and qualified name of a type that is not built in. */
export function readTypeMessage(bytes: Buffer, at: number): { oid: number; name: string } {
  const schema = cString(bytes, at + 4);
  const name = cString(bytes, schema.end);
  return { oid: bytes.readUInt32BE(at), name: `${schema.value}.${name.value}` };
}

/** More than any note of ours has. */
const LONGEST_CONTENT = 100;

/** A logical decoding message: its prefix, and the first of its content, of which a program's can have up to 1 GB. */
export function readLogicalMessage(
  bytes: Buffer,
  at: number,
): { transactional: boolean; prefix: string; content: string } {
  const prefix = cString(bytes, at + 9);
  const content = prefix.end + 4;
  const length = Math.min(bytes.readUInt32BE(prefix.end), LONGEST_CONTENT);
  return {
    transactional: bytes[at] === 1,
    prefix: prefix.value,
    content: bytes.toString('latin1', content, content + length),
  };
}

/** Offset after the tuple at `at`. */
export function skipTuple(bytes: Buffer, at: number): number {
  const count = bytes.readUInt16BE(at);
  let next = at + 2;
  for (let field = 0; field < count; field++) {
    const kind = bytes[next]!;
    next += kind === 0x6e || kind === 0x75 ? 1 : 5 + bytes.readUInt32BE(next + 1);
  }
  return next;
}
