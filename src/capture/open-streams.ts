import { BatchBody } from '../journal/batch-body.ts';
import { encodeChunk } from '../journal/batch-encode.ts';
import type { Chunk } from '../journal/journal.ts';
import { addChange } from './add-change.ts';
import { MESSAGE } from './messages.ts';
import type { ChangeSource } from './narrow.ts';
import { RelationList } from './relations.ts';
import type { Relations } from './relations.ts';

const CHUNK_BYTES = 1024 * 1024;

/** One transaction that is sent while it runs. */
export class OpenStream {
  readonly xid: number;
  readonly body = new BatchBody();
  /** Subtransactions that were rolled back. */
  readonly aborted: number[] = [];
  list: RelationList;
  /** Another site made it: only its first block says so. */
  foreign = false;
  chunks = 0;
  changes = 0;

  constructor(xid: number, list: RelationList) {
    this.xid = xid;
    this.list = list;
  }
}

/** What is told of transactions in progress, in order. */
export interface StreamSink {
  chunk(chunk: Chunk): void;
  abort(xid: number): void;
}

/**
 * The transactions that are sent while they run (PostgreSQL manual, "Streaming of Large Transactions for Logical
 * Decoding"), which become chunks. Blocks of one transaction at a time, between Stream Start and Stream Stop.
 */
export class OpenStreams {
  readonly #origin: number;
  readonly #relations: Relations;
  readonly #sink: StreamSink;
  readonly #open = new Map<number, OpenStream>();
  #current: OpenStream | undefined;

  constructor(origin: number, relations: Relations, sink: StreamSink) {
    this.#origin = origin;
    this.#relations = relations;
    this.#sink = sink;
  }

  /** Number of transactions that have neither ended nor been rolled back. */
  get size(): number {
    return this.#open.size;
  }

  /** The one whose block is being sent. */
  get current(): OpenStream | undefined {
    return this.#current;
  }

  /** Whether a message of the kind has the subtransaction's id in front within a block. */
  hasXid(kind: number): boolean {
    return this.#current !== undefined && STREAMED.has(kind);
  }

  /** A block begins; `first` of its transaction. */
  start(xid: number, first: boolean): void {
    let stream = this.#open.get(xid);
    if (stream === undefined || first) {
      stream = new OpenStream(xid, new RelationList(this.#relations));
      this.#open.set(xid, stream);
    }
    this.#current = stream;
  }

  stop(): void {
    this.#current = undefined;
  }

  add(stream: OpenStream, change: { kind: number; xid: number; source: ChangeSource }): void {
    stream.changes += 1;
    stream.body.xid(change.xid);
    addChange(stream.body, stream.list, change.kind, change.source);
    if (stream.body.size >= CHUNK_BYTES) this.#emit(stream);
  }

  /** The transaction committed: it is open no more. */
  take(xid: number): OpenStream | undefined {
    const stream = this.#open.get(xid);
    this.#open.delete(xid);
    return stream;
  }

  /** Hands over what is left of it. */
  finish(stream: OpenStream): void {
    if (stream.body.size > 0) this.#emit(stream);
  }

  #emit(stream: OpenStream): void {
    const bytes = encodeChunk(stream.list.list(), stream.body.take());
    stream.list = new RelationList(this.#relations);
    const number = stream.chunks;
    stream.chunks += 1;
    this.#sink.chunk({ origin: this.#origin, xid: stream.xid, number, bytes });
  }

  /** The transaction, or one of its subtransactions, was rolled back. */
  abort(xid: number, subxid: number): void {
    const stream = this.#open.get(xid);
    if (stream === undefined) return;
    if (xid !== subxid) {
      stream.aborted.push(subxid);
      return;
    }
    this.#open.delete(xid);
    if (stream.chunks > 0) this.#sink.abort(xid);
  }

  /** Forgets all, which will come again: whoever got their chunks is told. */
  abandon(): void {
    for (const [xid, stream] of this.#open) if (stream.chunks > 0) this.#sink.abort(xid);
    this.#open.clear();
    this.#current = undefined;
  }
}

const STREAMED: ReadonlySet<number> = new Set([
  ...[MESSAGE.insert, MESSAGE.update, MESSAGE.remove, MESSAGE.relation],
  ...[MESSAGE.type, MESSAGE.truncate, MESSAGE.message],
]);
