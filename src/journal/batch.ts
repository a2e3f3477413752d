import { AppError } from '../base/errors.ts';
import type { Batch } from './journal.ts';

/*
 * The batch format "SLB1" (ARCHITECTURE.md §6). Changes are bytes between the WAL and the target's COPY:
 * this file finds their frames (batch-encode.ts writes them), nobody parses values on the way.
 */

/** First bytes of every batch. */
export const MAGIC = 0x534c4231;
/** Size of the fixed head. */
export const FIXED = 4 + 1 + 2 + 4 + 8 + 8 + 8 + 4 + 4;
/** Flag: the batch commits one streamed transaction whose changes are in chunks. */
export const FLAG_STREAM = 1;

/** Kinds of changes, the first byte of each; then a u32 length of what follows. */
export const CHANGE = {
  begin: 0x42,
  insert: 0x49,
  update: 0x55,
  updateNew: 0x75,
  remove: 0x44,
} as const;

/** A relation as the origin described it. */
export interface BatchRelation {
  schema: string;
  name: string;
  columns: { name: string; typeName: string; oid: number; key: boolean }[];
}

/** A transaction that was streamed while it ran; its changes are in `chunks` chunks. */
export interface StreamCommit {
  xid: number;
  chunks: number;
  /** Subtransactions that were rolled back: their changes in the chunks do not count. */
  aborted: number[];
}

export interface BatchHead {
  origin: number;
  incarnation: number;
  previous: bigint;
  last: bigint;
  /** Commit time of the last transaction, µs since 2000-01-01. */
  time: bigint;
  transactions: number;
  changes: number;
  knowledge: ReadonlyMap<number, bigint>;
}

export interface BatchContent extends BatchHead {
  relations: readonly Buffer[];
  body: Buffer;
  stream?: StreamCommit;
}

/**
 * A batch as it came, without looking at more than its fixed head.
 *
 * @throws AppError BATCH_DAMAGED when the bytes are no batch
 */
export function readBatch(origin: number, bytes: Buffer): Batch {
  if (bytes.length < FIXED || bytes.readUInt32BE(0) !== MAGIC) {
    throw batchDamaged('it does not begin with SLB1');
  }
  const said = bytes.readUInt16BE(5);
  if (said !== origin) throw batchDamaged(`it is one of site ${said}, not of ${origin}`);
  return {
    ...{ origin, incarnation: bytes.readUInt32BE(7) },
    ...{ previous: bytes.readBigUInt64BE(11), last: bytes.readBigUInt64BE(19), bytes },
  };
}

/** Commit time of a batch's last transaction, µs since 2000-01-01. */
export function timeOf(bytes: Buffer): bigint {
  return bytes.readBigInt64BE(27);
}

/** The transaction id of the stream that a batch commits, or undefined. Cheap for all other batches. */
export function commitsStream(bytes: Buffer): number | undefined {
  return (bytes[4]! & FLAG_STREAM) === 0 ? undefined : decodeBatch(bytes).stream?.xid;
}

/** Where the changes of a batch that commits no stream begin. */
export function batchHeadEnd(bytes: Buffer): number {
  let at = FIXED + 2 + 10 * bytes.readUInt16BE(FIXED);
  let relations = bytes.readUInt16BE(at);
  at += 2;
  const skipText = (): void => void (at += 2 + bytes.readUInt16BE(at));
  for (; relations > 0; relations--) {
    skipText();
    skipText();
    let columns = bytes.readUInt16BE(at);
    at += 2;
    for (; columns > 0; columns--) {
      at += 5;
      skipText();
      skipText();
    }
  }
  return at;
}

export interface DecodedBatch extends BatchHead {
  relations: DecodedRelation[];
  stream: StreamCommit | undefined;
  bytes: Buffer;
  /** Where the changes begin. */
  offset: number;
}

export interface DecodedRelation {
  /** Identifies the description: the same bytes are the same string. */
  key: string;
  relation: BatchRelation;
}

/**
 * Reads a batch's head and relations; the changes stay where they are.
 *
 * @throws AppError BATCH_DAMAGED when the bytes are no batch or end early
 */
export function decodeBatch(bytes: Buffer): DecodedBatch {
  try {
    return decode(bytes);
  } catch (error) {
    if (error instanceof AppError) throw error;
    throw batchDamaged('it ends early', error);
  }
}

/** The error of a batch, or a chunk, that cannot be read. */
export function batchDamaged(what: string, cause?: unknown): AppError {
  return new AppError('BATCH_DAMAGED', `A batch cannot be read: ${what}`, {
    hint:
      'The sites may run different versions of Syncline: compare "syncline --version". Or the journal of the site that ' +
      'gave it is damaged (docs/operating/recover.md)',
    cause,
  });
}

function decode(bytes: Buffer): DecodedBatch {
  if (bytes.readUInt32BE(0) !== MAGIC) throw batchDamaged('it does not begin with SLB1');
  const flags = bytes.readUInt8(4);
  const reader = { bytes, at: FIXED };
  const knowledge = readVector(reader);
  const relations = readRelations(reader);
  const stream = (flags & FLAG_STREAM) === 0 ? undefined : readStream(reader);
  return {
    origin: bytes.readUInt16BE(5),
    incarnation: bytes.readUInt32BE(7),
    previous: bytes.readBigUInt64BE(11),
    last: bytes.readBigUInt64BE(19),
    time: timeOf(bytes),
    transactions: bytes.readUInt32BE(35),
    changes: bytes.readUInt32BE(39),
    knowledge,
    relations,
    stream,
    bytes,
    offset: reader.at,
  };
}

interface Reader {
  bytes: Buffer;
  at: number;
}

function u16(reader: Reader): number {
  reader.at += 2;
  return reader.bytes.readUInt16BE(reader.at - 2);
}

function u32(reader: Reader): number {
  reader.at += 4;
  return reader.bytes.readUInt32BE(reader.at - 4);
}

function string(reader: Reader): string {
  const length = u16(reader);
  reader.at += length;
  return reader.bytes.toString('utf8', reader.at - length, reader.at);
}

function readVector(reader: Reader): Map<number, bigint> {
  const vector = new Map<number, bigint>();
  for (let left = u16(reader); left > 0; left--) {
    const origin = u16(reader);
    vector.set(origin, reader.bytes.readBigUInt64BE(reader.at));
    reader.at += 8;
  }
  return vector;
}

function readRelations(reader: Reader): DecodedRelation[] {
  const relations: DecodedRelation[] = [];
  for (let left = u16(reader); left > 0; left--) {
    const start = reader.at;
    const relation = readRelation(reader);
    relations.push({ key: reader.bytes.toString('latin1', start, reader.at), relation });
  }
  return relations;
}

function readRelation(reader: Reader): BatchRelation {
  const schema = string(reader);
  const name = string(reader);
  const columns: BatchRelation['columns'] = [];
  for (let left = u16(reader); left > 0; left--) {
    const key = reader.bytes.readUInt8(reader.at) === 1;
    reader.at += 1;
    const oid = u32(reader);
    columns.push({ key, oid, name: string(reader), typeName: string(reader) });
  }
  return { schema, name, columns };
}

function readStream(reader: Reader): StreamCommit {
  const xid = u32(reader);
  const chunks = u32(reader);
  const aborted: number[] = [];
  for (let left = u32(reader); left > 0; left--) aborted.push(u32(reader));
  return { xid, chunks, aborted };
}

/** Reads a chunk's relations. */
export function decodeChunk(bytes: Buffer): { relations: DecodedRelation[]; offset: number } {
  const reader = { bytes, at: 0 };
  const relations = readRelations(reader);
  return { relations, offset: reader.at };
}
