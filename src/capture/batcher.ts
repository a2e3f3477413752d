import type { Batch } from '../journal/journal.ts';
import { FOREIGN_MESSAGE } from '../postgres/origin.ts';
import { Continuity } from './continuity.ts';
import type { LastCaptured } from './continuity.ts';
import {
  cString,
  MESSAGE,
  readLogicalMessage,
  readRelationMessage,
  readTypeMessage,
} from './messages.ts';
import { narrowChange } from './narrow.ts';
import type { ChangeSource } from './narrow.ts';
import { OpenBatch } from './open-batch.ts';
import { ALL_BELIEVED } from './own-notes.ts';
import type { Notes } from './own-notes.ts';
import { OpenStreams } from './open-streams.ts';
import type { StreamSink } from './open-streams.ts';
import type { PassedOverBy } from './passed-over.ts';
import { Relations } from './relations.ts';
import type { TypeNames } from './relations.ts';
import type { TableNames } from './table-names.ts';
import { Unshippable } from './unshippable.ts';

export interface BatcherOptions {
  origin: number;
  incarnation: number;
  /** Position of the last transaction that the journal has. */
  after: bigint;
  /** That transaction, where it has to come again; undefined where reading begins after it. */
  expected?: LastCaptured | undefined;
  knowledge: ReadonlyMap<number, bigint>;
  types: TypeNames;
  /** Columns that are not shipped, by `schema.table`. */
  unshipped: ReadonlyMap<string, ReadonlySet<string>>;
  /** Under which names tables are shipped; without it as the WAL calls them. */
  names?: TableNames;
  /** Without it all are believed. */
  notes?: Notes;
  /** Told of each change that cannot be shipped. */
  passedOver?: (table: string, by: PassedOverBy) => void;
}

/** What the batcher produces, in order. */
export interface BatchSink extends StreamSink {
  batch(batch: Batch): void;
}

/**
 * Turns the messages of a walsender into batches and chunks: pure, without I/O. Transactions that another
 * site made (they carry an origin) are left out.
 */
export class Batcher {
  readonly #sink: BatchSink;
  readonly #relations: Relations;
  readonly #knowledge: Map<number, bigint>;
  readonly #batch: OpenBatch;
  readonly #streams: OpenStreams;
  readonly #continuity: Continuity;
  readonly #unshippable: Unshippable;
  readonly #notes: Notes;
  #seen = 0n;
  /** The transaction in progress was made by another site. */
  #foreign = false;

  constructor(options: BatcherOptions, sink: BatchSink) {
    const { origin, incarnation, after, notes = ALL_BELIEVED } = options;
    this.#sink = sink;
    this.#notes = notes;
    this.#relations = new Relations(options.types, options.unshipped, options.names);
    this.#knowledge = new Map(options.knowledge);
    const of = { origin, incarnation, knowledge: this.#knowledge };
    this.#batch = new OpenBatch(of, this.#relations, after);
    this.#streams = new OpenStreams(origin, this.#relations, sink);
    this.#continuity = new Continuity(options.expected);
    this.#unshippable = new Unshippable(this.#relations, options.passedOver);
  }

  /**
   * All that committed before the position was read.
   *
   * @throws AppError SITE_REWOUND
   */
  readTo(position: bigint): void {
    this.#continuity.readTo(position);
  }

  /** Position of the last transaction that this batcher saw, also if it was not ours; 0n when it saw none. */
  get seen(): bigint {
    return this.#seen;
  }

  /** True between a transaction's begin and its commit. */
  get busy(): boolean {
    return this.#batch.busy || this.large;
  }

  /** True while a transaction that is sent while it runs has neither ended nor been rolled back. */
  get large(): boolean {
    return this.#streams.size > 0;
  }

  /** Complete transactions that were not handed over. */
  get waiting(): number {
    return this.#batch.transactions;
  }

  /** Forgets the transactions in progress, which will come again: whoever got their chunks is told. */
  abandon(): void {
    this.#streams.abandon();
    this.#foreign = false;
    this.#batch.drop();
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
    if (this.#streams.hasXid(kind)) {
      xid = bytes.readUInt32BE(at);
      at += 4;
    }
    switch (kind) {
      case MESSAGE.insert:
      case MESSAGE.update:
      case MESSAGE.remove:
        if (!(this.#streams.current?.foreign ?? this.#foreign))
          this.#change(kind, xid, { bytes, at });
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
        if (cString(bytes, at + 8).value.startsWith('crp_')) this.#onForeign();
        return;
      case MESSAGE.message:
        return this.#onMessage(bytes, at);
      case MESSAGE.truncate:
        return this.#unshippable.truncated(bytes, at);
      default:
        this.#onStream(kind, bytes, at);
    }
  }

  #onForeign(): void {
    const stream = this.#streams.current;
    if (stream === undefined) this.#foreign = true;
    else stream.foreign = true;
  }

  #onBegin(bytes: Buffer, at: number): void {
    this.#foreign = false;
    this.#batch.begin(bytes.readUInt32BE(at + 16));
  }

  #onCommit(bytes: Buffer, at: number): void {
    const position = bytes.readBigUInt64BE(at + 9);
    const time = bytes.readBigInt64BE(at + 17);
    this.#continuity.committed(position, time);
    const foreign = this.#foreign;
    // Or a stream that follows, which has no Begin message, would be taken for the other site's too.
    this.#foreign = false;
    if (position > this.#seen) this.#seen = position;
    if (foreign) return this.#batch.drop();
    this.#batch.commit({ position, time });
    if (this.#batch.isFull) this.flush();
  }

  /** Closes the batch, unless a transaction is in progress or there is nothing in it. */
  flush(): void {
    if (this.#batch.transactions === 0 || this.#batch.busy) return;
    this.#sink.batch(this.#batch.take());
  }

  #change(kind: number, xid: number, whole: ChangeSource): void {
    if (this.#unshippable.isIncomplete(kind, whole)) return;
    const kept = this.#relations.kept(whole.bytes.readUInt32BE(whole.at));
    const source = kept === undefined ? whole : narrowChange(kind, whole, kept);
    if (source === undefined) return;
    const stream = this.#streams.current;
    if (stream !== undefined) {
      this.#streams.add(stream, { kind, xid, source });
      return;
    }
    this.#batch.change(kind, source);
  }

  /** Our own notes: that a transaction applies others' changes, and what this site knows when what follows is made. */
  #onMessage(bytes: Buffer, at: number): void {
    const message = readLogicalMessage(bytes, at);
    const isForeign = message.transactional && message.prefix === FOREIGN_MESSAGE;
    if (isForeign && !this.#notes.filtered) this.#onForeign();
    if (message.transactional) return;
    const note = this.#notes.read(message);
    if (note === undefined) return;
    this.flush();
    if (note.position > (this.#knowledge.get(note.origin) ?? 0n))
      this.#knowledge.set(note.origin, note.position);
  }

  #onStream(kind: number, bytes: Buffer, at: number): void {
    if (kind === MESSAGE.streamStart) {
      this.#streams.start(bytes.readUInt32BE(at), bytes[at + 4] === 1);
    } else if (kind === MESSAGE.streamStop) {
      this.#streams.stop();
    } else if (kind === MESSAGE.streamCommit) this.#commitStream(bytes, at);
    else if (kind === MESSAGE.streamAbort) {
      this.#streams.abort(bytes.readUInt32BE(at), bytes.readUInt32BE(at + 4));
    }
  }

  #commitStream(bytes: Buffer, at: number): void {
    const xid = bytes.readUInt32BE(at);
    const position = bytes.readBigUInt64BE(at + 13);
    const time = bytes.readBigInt64BE(at + 21);
    this.#continuity.committed(position, time);
    const stream = this.#streams.take(xid);
    if (position > this.#seen) this.#seen = position;
    if (stream === undefined || stream.changes === 0) return;
    if (position <= this.#batch.last) {
      this.#sink.abort(xid);
      return;
    }
    this.#streams.finish(stream);
    this.flush();
    const { chunks, aborted, changes } = stream;
    this.#sink.batch(this.#batch.streamed({ position, time, changes }, { xid, chunks, aborted }));
  }
}
