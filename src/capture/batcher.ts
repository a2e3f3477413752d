import { AppError } from '../base/errors.ts';
import { BatchBody } from '../journal/batch-body.ts';
import { CHANGE, encodeBatch, encodeChunk } from '../journal/batch.ts';
import type { StreamCommit } from '../journal/batch.ts';
import type { Batch, Chunk } from '../journal/journal.ts';
import {
  cString,
  KEY_TUPLE,
  MESSAGE,
  OLD_TUPLE,
  readLogicalMessage,
  readRelationMessage,
  readTypeMessage,
  skipTuple,
} from './messages.ts';
import { narrowChange } from './narrow.ts';
import type { ChangeSource } from './narrow.ts';
import { RelationList, Relations } from './relations.ts';
import type { TypeNames } from './relations.ts';

/** A batch is closed at this size, so that followers get going and memory stays small. */
const BATCH_BYTES = 256 * 1024;
const BATCH_TRANSACTIONS = 2000;
const CHUNK_BYTES = 1024 * 1024;

export interface BatcherOptions {
  origin: number;
  incarnation: number;
  /** Position of the last transaction that the journal has. */
  after: bigint;
  knowledge: ReadonlyMap<number, bigint>;
  types: TypeNames;
  /** Columns that are not shipped, by `schema.table`. */
  unshipped: ReadonlyMap<string, ReadonlySet<string>>;
}

/** What the batcher produces, in order. */
export interface BatchSink {
  batch(batch: Batch): void;
  chunk(chunk: Chunk): void;
  abort(xid: number): void;
}

/**
 * Turns the messages of a walsender into batches and chunks: pure, without I/O. Transactions that another
 * site made (they carry an origin) are left out.
 */
export class Batcher {
  readonly #options: BatcherOptions;
  readonly #sink: BatchSink;
  readonly #relations: Relations;
  readonly #knowledge: Map<number, bigint>;
  readonly #body = new BatchBody();
  #list: RelationList;
  #previous: bigint;
  #last: bigint;
  #seen = 0n;
  #time = 0n;
  #transactions = 0;
  #changes = 0;
  /** Where the transaction in progress began in the body. */
  #begin = -1;
  #beginChanges = 0;
  #foreign = false;
  #stream: StreamBuffer | undefined;
  readonly #streams = new Map<number, StreamBuffer>();

  constructor(options: BatcherOptions, sink: BatchSink) {
    this.#options = options;
    this.#sink = sink;
    this.#relations = new Relations(options.types, options.unshipped);
    this.#knowledge = new Map(options.knowledge);
    this.#list = new RelationList(this.#relations);
    this.#previous = options.after;
    this.#last = options.after;
  }

  /** Position of the last transaction that this batcher saw, also if it was not ours; 0n when it saw none. */
  get seen(): bigint {
    return this.#seen;
  }

  /** True between a transaction's begin and its commit. */
  get busy(): boolean {
    return this.#begin >= 0 || this.large;
  }

  /** True while a transaction that is sent while it runs has neither ended nor been rolled back. */
  get large(): boolean {
    return this.#streams.size > 0;
  }

  /** Complete transactions that were not handed over. */
  get waiting(): number {
    return this.#transactions;
  }

  /** Forgets the transactions in progress, which will come again: whoever got their chunks is told. */
  abandon(): void {
    for (const [xid, stream] of this.#streams) if (stream.chunks > 0) this.#sink.abort(xid);
    this.#streams.clear();
    this.#stream = undefined;
    this.#foreign = false;
    if (this.#begin < 0) return;
    this.#body.truncate(this.#begin);
    this.#changes = this.#beginChanges;
    this.#begin = -1;
  }

  /** What this site knows of the others, as the WAL says up to here. */
  knowledge(): ReadonlyMap<number, bigint> {
    return this.#knowledge;
  }

  /** One message of pgoutput. `bytes` may be reused after the call. */
  message(bytes: Buffer, start: number): void {
    const kind = bytes[start]!;
    let at = start + 1;
    let xid = 0;
    if (this.#stream !== undefined && isStreamed(kind)) {
      xid = bytes.readUInt32BE(at);
      at += 4;
    }
    switch (kind) {
      case MESSAGE.insert:
      case MESSAGE.update:
      case MESSAGE.remove:
        if (!this.#foreign) this.#change(kind, xid, { bytes, at });
        return;
      case MESSAGE.begin:
        return this.#onBegin(bytes, at);
      case MESSAGE.commit:
        return this.#onCommit(bytes, at);
      default:
        this.#rare(kind, bytes, at);
    }
  }

  #rare(kind: number, bytes: Buffer, at: number): void {
    switch (kind) {
      case MESSAGE.relation:
        return this.#relations.describe(readRelationMessage(bytes, at));
      case MESSAGE.type: {
        const type = readTypeMessage(bytes, at);
        return this.#relations.type(type.oid, type.name);
      }
      case MESSAGE.origin:
        // Changes that this site applied for another one: PostgreSQL 15 cannot filter them itself.
        if (cString(bytes, at + 8).value.startsWith('crp_')) this.#foreign = true;
        return;
      case MESSAGE.message:
        return this.#onMessage(bytes, at);
      case MESSAGE.truncate:
        throw new AppError('CAPTURE_TRUNCATE', 'TRUNCATE of a replicated table is in the WAL', {
          hint: 'Use DELETE; the trigger that refuses TRUNCATE was disabled or dropped',
        });
      default:
        this.#onStream(kind, bytes, at);
    }
  }

  #onBegin(bytes: Buffer, at: number): void {
    this.#foreign = false;
    this.#beginChanges = this.#changes;
    this.#begin = this.#body.begin(bytes.readUInt32BE(at + 16));
  }

  #onCommit(bytes: Buffer, at: number): void {
    const position = bytes.readBigUInt64BE(at + 9);
    const time = bytes.readBigInt64BE(at + 17);
    const begin = this.#begin;
    const foreign = this.#foreign;
    this.#begin = -1;
    // Or a stream that follows, which has no Begin message, would be taken for the other site's too.
    this.#foreign = false;
    if (position > this.#seen) this.#seen = position;
    if (foreign || this.#changes === this.#beginChanges || position <= this.#last) {
      this.#body.truncate(begin);
      this.#changes = this.#beginChanges;
      return;
    }
    this.#body.commit(begin, { position, time });
    this.#last = position;
    this.#time = time;
    this.#transactions += 1;
    if (this.#body.size >= BATCH_BYTES || this.#transactions >= BATCH_TRANSACTIONS) this.flush();
  }

  /** Closes the batch, unless a transaction is in progress or there is nothing in it. */
  flush(): void {
    if (this.#transactions === 0 || this.#begin >= 0) return;
    this.#emit(undefined);
  }

  #emit(stream: StreamCommit | undefined): void {
    const { origin, incarnation } = this.#options;
    const batch = encodeBatch({
      ...{ origin, incarnation, previous: this.#previous, last: this.#last, time: this.#time },
      ...{ transactions: this.#transactions, changes: this.#changes },
      ...{ knowledge: this.#knowledge, relations: this.#list.list(), body: this.#body.take() },
      ...(stream === undefined ? {} : { stream }),
    });
    this.#previous = this.#last;
    this.#transactions = 0;
    this.#changes = 0;
    this.#list = new RelationList(this.#relations);
    this.#sink.batch(batch);
  }

  #change(kind: number, xid: number, whole: ChangeSource): void {
    const kept = this.#relations.kept(whole.bytes.readUInt32BE(whole.at));
    const source = kept === undefined ? whole : narrowChange(kind, whole, kept);
    if (source === undefined) return;
    const stream = this.#stream;
    if (stream === undefined) {
      this.#changes += 1;
      addChange(this.#body, this.#list, kind, source);
      return;
    }
    stream.changes += 1;
    stream.body.xid(xid);
    addChange(stream.body, stream.list, kind, source);
    if (stream.body.size >= CHUNK_BYTES) this.#emitChunk(stream);
  }

  /** Our own note about what this site knows: what follows was made with that knowledge. */
  #onMessage(bytes: Buffer, at: number): void {
    const message = readLogicalMessage(bytes, at);
    if (message.transactional || message.prefix !== 'crp.known') return;
    const [origin, , position] = message.content.split(' ');
    this.flush();
    const site = Number(origin);
    const known = this.#knowledge.get(site) ?? 0n;
    if (BigInt(position!) > known) this.#knowledge.set(site, BigInt(position!));
  }

  #onStream(kind: number, bytes: Buffer, at: number): void {
    if (kind === MESSAGE.streamStart)
      this.#startStream(bytes.readUInt32BE(at), bytes[at + 4] === 1);
    else if (kind === MESSAGE.streamStop) {
      this.#stream = undefined;
      this.#foreign = false;
    } else if (kind === MESSAGE.streamCommit) this.#commitStream(bytes, at);
    else if (kind === MESSAGE.streamAbort) {
      this.#abortStream(bytes.readUInt32BE(at), bytes.readUInt32BE(at + 4));
    }
  }

  #startStream(xid: number, first: boolean): void {
    let stream = this.#streams.get(xid);
    if (stream === undefined || first) {
      stream = new StreamBuffer(xid, new RelationList(this.#relations));
      this.#streams.set(xid, stream);
    }
    this.#stream = stream;
  }

  #emitChunk(stream: StreamBuffer): void {
    const bytes = encodeChunk(stream.list.list(), stream.body.take());
    stream.list = new RelationList(this.#relations);
    const number = stream.chunks;
    stream.chunks += 1;
    this.#sink.chunk({ origin: this.#options.origin, xid: stream.xid, number, bytes });
  }

  #commitStream(bytes: Buffer, at: number): void {
    const xid = bytes.readUInt32BE(at);
    const position = bytes.readBigUInt64BE(at + 13);
    const stream = this.#streams.get(xid);
    this.#streams.delete(xid);
    if (position > this.#seen) this.#seen = position;
    if (stream === undefined || stream.changes === 0) return;
    if (position <= this.#last) {
      this.#sink.abort(xid);
      return;
    }
    if (stream.body.size > 0) this.#emitChunk(stream);
    this.flush();
    this.#last = position;
    this.#time = bytes.readBigInt64BE(at + 21);
    this.#transactions = 1;
    this.#changes = stream.changes;
    this.#emit({ xid, chunks: stream.chunks, aborted: stream.aborted });
  }

  #abortStream(xid: number, subxid: number): void {
    const stream = this.#streams.get(xid);
    if (stream === undefined) return;
    if (xid !== subxid) {
      stream.aborted.push(subxid);
      return;
    }
    this.#streams.delete(xid);
    if (stream.chunks > 0) this.#sink.abort(xid);
  }
}

/** One streamed transaction in progress. */
class StreamBuffer {
  readonly xid: number;
  readonly body = new BatchBody();
  readonly aborted: number[] = [];
  list: RelationList;
  chunks = 0;
  changes = 0;

  constructor(xid: number, list: RelationList) {
    this.xid = xid;
    this.list = list;
  }
}

function isStreamed(kind: number): boolean {
  return (
    kind === MESSAGE.insert ||
    kind === MESSAGE.update ||
    kind === MESSAGE.remove ||
    kind === MESSAGE.relation ||
    kind === MESSAGE.type ||
    kind === MESSAGE.truncate ||
    kind === MESSAGE.message
  );
}

function addChange(
  body: BatchBody,
  list: RelationList,
  kind: number,
  source: { bytes: Buffer; at: number },
): void {
  const { bytes, at } = source;
  const relation = list.indexOf(bytes.readUInt32BE(at));
  const first = at + 5;
  const old = bytes[at + 4] === OLD_TUPLE || bytes[at + 4] === KEY_TUPLE;
  const firstEnd = skipTuple(bytes, first);
  if (kind !== MESSAGE.update) {
    const code = kind === MESSAGE.insert ? CHANGE.insert : CHANGE.remove;
    body.change(code, relation, { bytes, start: first, end: firstEnd });
  } else if (old) {
    const next = firstEnd + 1;
    const end = skipTuple(bytes, next);
    body.update(relation, { bytes, old: first, oldEnd: firstEnd, next, end });
  } else {
    body.change(CHANGE.updateNew, relation, { bytes, start: first, end: firstEnd });
  }
}
