import { describeError } from '../base/errors.ts';
import { decodeChunk } from '../journal/batch.ts';
import type { DecodedBatch } from '../journal/batch.ts';
import type { Chunk } from '../journal/journal.ts';
import type { StreamWork } from './apply-stream.ts';
import { Fold } from './fold/fold.ts';
import { writeProgress } from './progress.ts';
import { foldChunk } from './fold/read-batch.ts';
import { keepsHistory } from './rows/relation.ts';
import type { ApplySession } from './session.ts';
import type { NetRows } from './rows/net-rows.ts';

/** Changes folded before they are written: bounds memory, and one is written while the next is folded. */
const PIECE_CHANGES = 25_000;
const PIECE_BYTES = 12 * 1024 * 1024;
const NONE: ReadonlySet<number> = new Set();

export interface SpeculationContext {
  /** Settles when the origin's transactions that committed so far are applied. */
  caughtUp: (isOver: () => boolean) => Promise<void>;
  /** Counts the transactions with deletes that this site has begun to apply. */
  deletes: () => number;
}

/**
 * Applies a large transaction while it still runs at its origin, in a target transaction that stays open
 * until the commit arrives. Only the set-based path is used: what it takes is as the origin saw it, so it
 * stays right whatever happens elsewhere until the commit. As soon as anything else is met — a conflict, a
 * constraint, a lock, a rolled back subtransaction — the target transaction is rolled back and the whole
 * is applied from the journal at its commit, as if nothing had been tried.
 */
export class Speculation {
  readonly xid: number;
  readonly #session: ApplySession;
  readonly #context: SpeculationContext;
  readonly #deletesBefore: number;
  readonly #seen = new Set<number>();
  #fold = new Fold();
  #next = 0;
  #maxStamp = 0n;
  #inserts = false;
  #failure: string | undefined;
  /** The origin's transactions up to the commit are applied: nothing is waited for any more. */
  #committing = false;
  #writing: Promise<void> = Promise.resolve();
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(session: ApplySession, xid: number, context: SpeculationContext) {
    this.#session = session;
    this.xid = xid;
    this.#context = context;
    this.#deletesBefore = context.deletes();
  }

  /** Opens the target transaction. */
  static async begin(
    session: ApplySession,
    xid: number,
    context: SpeculationContext,
  ): Promise<Speculation> {
    const speculation = new Speculation(session, xid, context);
    await session.begin();
    return speculation;
  }

  /** Why it was given up, if it was. */
  get failure(): string | undefined {
    return this.#failure;
  }

  /** Settles when nothing of it uses the session any more. */
  ended(): Promise<void> {
    return this.#alone(() => this.#writing);
  }

  /** Takes the next chunk; settles when there is room for another one. */
  add(chunk: Chunk): Promise<void> {
    return this.#alone(() => this.#add(chunk));
  }

  /** Rolls back as soon as the statement under way ends. */
  async abandon(reason: string): Promise<void> {
    if (this.#failure !== undefined) return;
    this.#failure = reason;
    this.#writing = this.#writing.then(() => this.#rollback());
    await this.#writing;
  }

  /**
   * Commits with the origin's progress, when the earlier transactions of the origin are applied.
   *
   * @returns false if it was given up: nothing of it is in the database
   * @throws the database's error if it is unknown whether the commit took place
   */
  commit(batch: DecodedBatch, work: StreamWork): Promise<boolean> {
    this.#committing = true;
    return this.#alone(() => this.#commit(batch, work));
  }

  /** One caller at a time: chunks come from the follower, the commit from the applier. */
  #alone<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work);
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  async #add(chunk: Chunk): Promise<void> {
    if (this.#failure !== undefined || chunk.number !== this.#next) return;
    this.#next += 1;
    try {
      const { relations, offset } = decodeChunk(chunk.bytes);
      const plans = await this.#session.catalog.plans(relations);
      const { bytes } = chunk;
      foldChunk(this.#fold, { bytes, offset }, { plans, aborted: NONE, seen: this.#seen });
    } catch (error) {
      return this.abandon(describeError(error));
    }
    const { changes, bytes } = this.#fold;
    if (changes >= PIECE_CHANGES || bytes >= PIECE_BYTES) await this.#write();
  }

  /** Starts to write what is folded once the piece before it is written. */
  async #write(): Promise<void> {
    const fold = this.#fold;
    this.#fold = new Fold(fold);
    for (const net of fold.entities.values()) this.#session.fast.prepare(net);
    await this.#writing;
    if (this.#failure !== undefined) return;
    this.#writing = this.#take(fold).catch(async (error: unknown) => {
      this.#failure ??= describeError(error);
      await this.#rollback();
    });
  }

  async #take(fold: Fold): Promise<void> {
    await this.#context.caughtUp(() => this.#committing || this.#failure !== undefined);
    for (const net of fold.entities.values()) {
      if (this.#failure !== undefined) return;
      const { entity } = net.plan.shape;
      // What is replayed is as it is when the transaction commits, not as its origin saw it.
      if (keepsHistory(net.plan)) throw new Error(`"${entity.name}" keeps history`);
      if (this.#session.orphans.watches(entity)) {
        throw new Error(`references of "${entity.name}" are looked at when it is whole`);
      }
      this.#inserts ||= hasInserts(net.rows);
      const left = await this.#session.fast.take(net);
      if (left.length > 0)
        throw new Error(`${left.length} changes are not as their origin saw them`);
    }
    if (fold.maxStamp > this.#maxStamp) this.#maxStamp = fold.maxStamp;
  }

  async #commit(batch: DecodedBatch, work: StreamWork): Promise<boolean> {
    await this.#rest(batch, work.journal);
    await this.#write();
    await this.#writing;
    const reason = this.#doubt(batch);
    if (reason !== undefined) await this.abandon(reason);
    if (this.#failure !== undefined) return false;
    const { origin, incarnation, last: position } = batch;
    await work.announce({ origin, incarnation, position, maxStamp: this.#maxStamp });
    await this.#session.client.query('SET LOCAL synchronous_commit = on');
    await writeProgress(this.#session, { position }, origin);
    await this.#session.commit();
    return true;
  }

  /** The chunks that the follower has not brought yet. */
  async #rest(batch: DecodedBatch, journal: StreamWork['journal']): Promise<void> {
    const { xid, chunks } = batch.stream!;
    if (this.#next >= chunks || this.#failure !== undefined) return;
    await journal.flush();
    for (const chunk of journal.chunks(batch.origin, xid, this.#next)) {
      if (chunk.number < chunks) await this.#add(chunk);
    }
  }

  /** Why it must not be committed although everything was taken. */
  #doubt(batch: DecodedBatch): string | undefined {
    const { aborted, chunks } = batch.stream!;
    if (this.#next !== chunks) return `it has ${this.#next} of ${chunks} chunks`;
    if (aborted.some((xid) => this.#seen.has(xid))) return 'a subtransaction was rolled back';
    // An applier of another origin may have buried a key that is inserted here and that it could not see.
    if (this.#inserts && this.#context.deletes() !== this.#deletesBefore) {
      return 'there were deletes meanwhile';
    }
    return undefined;
  }

  async #rollback(): Promise<void> {
    await this.#session.rollback().catch(() => undefined);
  }
}

function hasInserts(rows: NetRows): boolean {
  for (let index = 0; index < rows.size; index++) if (rows.op(index) === 'I') return true;
  return false;
}
