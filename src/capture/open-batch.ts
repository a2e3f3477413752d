import { BatchBody } from '../journal/batch-body.ts';
import { encodeBatch } from '../journal/batch-encode.ts';
import type { StreamCommit } from '../journal/batch.ts';
import type { Batch } from '../journal/journal.ts';
import { addChange } from './add-change.ts';
import type { ChangeSource } from './narrow.ts';
import { RelationList } from './relations.ts';
import type { Relations } from './relations.ts';

/** A batch is closed at this size, so that followers get going and memory stays small. */
const BATCH_BYTES = 256 * 1024;
const BATCH_TRANSACTIONS = 2000;

/** What a batch says of its origin. */
export interface BatchOrigin {
  origin: number;
  incarnation: number;
  /** What the site knows of the others; it changes between batches only. */
  knowledge: ReadonlyMap<number, bigint>;
}

/** Where a transaction ended in the WAL, and when (µs since 2000-01-01). */
interface Commit {
  position: bigint;
  time: bigint;
}

/** The batch that transactions are gathered in, and the one of them that is in progress. */
export class OpenBatch {
  readonly #origin: BatchOrigin;
  readonly #relations: Relations;
  readonly #body = new BatchBody();
  #list: RelationList;
  #previous: bigint;
  #last: bigint;
  #time = 0n;
  #transactions = 0;
  #changes = 0;
  /** Where the transaction in progress began in the body, or -1. */
  #begin = -1;
  #beginChanges = 0;

  /** @param after position of the last transaction that the journal has */
  constructor(origin: BatchOrigin, relations: Relations, after: bigint) {
    this.#origin = origin;
    this.#relations = relations;
    this.#list = new RelationList(relations);
    this.#previous = after;
    this.#last = after;
  }

  /** Position of the last transaction of this batch, or of those before it. */
  get last(): bigint {
    return this.#last;
  }

  /** Complete transactions. */
  get transactions(): number {
    return this.#transactions;
  }

  /** True between a transaction's begin and its end. */
  get busy(): boolean {
    return this.#begin >= 0;
  }

  get isFull(): boolean {
    return this.#body.size >= BATCH_BYTES || this.#transactions >= BATCH_TRANSACTIONS;
  }

  begin(xid: number): void {
    this.#beginChanges = this.#changes;
    this.#begin = this.#body.begin(xid);
  }

  change(kind: number, source: ChangeSource): void {
    this.#changes += 1;
    addChange(this.#body, this.#list, kind, source);
  }

  /** Forgets the transaction in progress, if there is one. */
  drop(): void {
    if (this.#begin < 0) return;
    this.#body.truncate(this.#begin);
    this.#changes = this.#beginChanges;
    this.#begin = -1;
  }

  /** The transaction in progress ends; one without changes, or that the journal has, is left out. */
  commit({ position, time }: Commit): void {
    if (this.#changes === this.#beginChanges || position <= this.#last) return this.drop();
    this.#body.commit(this.#begin, { position, time });
    this.#begin = -1;
    this.#last = position;
    this.#time = time;
    this.#transactions += 1;
  }

  /** Closes the batch and begins the next one. */
  take(): Batch {
    return this.#take(undefined);
  }

  /** The batch of a transaction whose changes went ahead in chunks. Nothing else may be waiting. */
  streamed(commit: Commit & { changes: number }, stream: StreamCommit): Batch {
    this.#last = commit.position;
    this.#time = commit.time;
    this.#transactions = 1;
    this.#changes = commit.changes;
    return this.#take(stream);
  }

  #take(stream: StreamCommit | undefined): Batch {
    const { origin, incarnation, knowledge } = this.#origin;
    const batch = encodeBatch({
      ...{ origin, incarnation, previous: this.#previous, last: this.#last, time: this.#time },
      ...{ transactions: this.#transactions, changes: this.#changes, knowledge },
      ...{ relations: this.#list.list(), body: this.#body.take() },
      ...(stream === undefined ? {} : { stream }),
    });
    this.#previous = this.#last;
    this.#transactions = 0;
    this.#changes = 0;
    this.#list = new RelationList(this.#relations);
    return batch;
  }
}
