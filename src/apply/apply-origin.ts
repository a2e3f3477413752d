import { setTimeout as delay, setImmediate as turn } from 'node:timers/promises';
import type { Client } from 'pg';
import { Pace } from '../base/pace.ts';
import { decodeBatch } from '../journal/batch.ts';
import type { DecodedBatch } from '../journal/batch.ts';
import { isInUse, isTransient } from '../postgres/connect.ts';
import { Admission } from './admission.ts';
import type { Applier, ApplierOptions, ApplierStatus } from './applier.ts';
import { ApplierState } from './applier-state.ts';
import { applyFold } from './apply-fold.ts';
import { applyStream } from './apply-stream.ts';
import type { BeaconNews } from './beacon.ts';
import { Connection } from './connection.ts';
import { Durability } from './durability.ts';
import { withLockHolders } from './lock-holders.ts';
import { PendingFolds } from './fold/pending.ts';
import type { PendingFold } from './fold/pending.ts';
import { readProgress, writeProgress } from './progress.ts';
import { foldBatch } from './fold/read-batch.ts';
import type { ApplySession, ApplySessionOptions } from './session.ts';
import { Speculator } from './speculator.ts';
import { ApplyTurns } from './turns.ts';

/** Between two looks whether commits are on disk. */
const DURABLE_MS = 500;
/** Under load changes are gathered for one target transaction for so long. */
const APPLY_MS = 50;
/** Between two looks whether the origin's commits so far are applied. */
const CATCH_UP_MS = 5;

/** Makes the applier of one origin. */
export function createApplier(options: ApplierOptions): Applier {
  return new OriginApplier(options);
}

class OriginApplier implements Applier {
  readonly #options: ApplierOptions;
  readonly #state: ApplierState;
  readonly #status: ApplierStatus;
  readonly #admission: Admission;
  #speculator: Speculator | undefined;
  /** Streamed transactions that cannot be applied before their commit. */
  readonly #refused = new Set<number>();
  /** The transaction on the session that others have to wait for. */
  #session: Promise<void> = Promise.resolve();

  constructor(options: ApplierOptions) {
    this.#options = options;
    this.#state = new ApplierState(options);
    this.#status = this.#state.status;
    this.#admission = new Admission(options, this.#status);
  }

  applied(): bigint {
    return this.#status.applied;
  }

  appliedDurably(): bigint {
    return this.#state.durable;
  }

  status(): ApplierStatus {
    return { ...this.#status };
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.#runSession(signal);
      } catch (error) {
        if (signal.aborted) break;
        this.#state.failed(await withLockHolders(error, this.#options));
        // A session of an earlier connection may have the replication origin still.
        if (!isTransient(error) && !isInUse(error)) throw error;
        await this.#state.pause(signal);
      }
    }
    this.#status.state = 'stopped';
  }

  async #runSession(signal: AbortSignal): Promise<void> {
    const options = this.#sessionOptions();
    const turns = await ApplyTurns.open(options);
    const pending = new PendingFolds();
    const stop = new AbortController();
    const end = (): void => {
      stop.abort();
      pending.end();
    };
    signal.addEventListener('abort', end, { once: true });
    // It may have come while we waited for the connection.
    if (signal.aborted) end();
    let speculating: Promise<void> = Promise.resolve();
    const connection = new Connection(turns.now.client, end);
    try {
      this.#state.began(await readProgress(turns.now, this.#options));
      speculating = this.#speculate(options, stop.signal);
      const failed = async (work: Promise<void>): Promise<void> => work.finally(end);
      const reader = failed(this.#read(turns, pending, stop.signal));
      const writer = failed(this.#write(turns, pending));
      const results = await Promise.allSettled([reader, writer]);
      const broken = results.find((result) => result.status === 'rejected');
      if (broken !== undefined) throw broken.reason;
      connection.check();
    } finally {
      signal.removeEventListener('abort', end);
      end();
      await speculating;
      await turns.close();
    }
  }

  #sessionOptions(): ApplySessionOptions {
    const { origin, site, siteNames, dsn, models } = this.#options;
    return {
      dsn,
      models,
      // Origins belong to the whole server, where another site may have a database too.
      originName: `crp_${site.name}_${origin}`,
      origin: { number: origin, name: siteNames().get(origin) ?? String(origin) },
      names: siteNames,
    };
  }

  #speculate(session: ApplySessionOptions, signal: AbortSignal): Promise<void> {
    const { journal, origin, log, knowledge } = this.#options;
    const caughtUp = async (isOver: () => boolean): Promise<void> => {
      const goal = journal.position(origin);
      while (this.#status.applied < goal && !isOver() && !signal.aborted) await delay(CATCH_UP_MS);
    };
    this.#speculator = new Speculator({
      ...{ session, journal, origin, log, refused: this.#refused },
      context: { caughtUp, deletes: () => knowledge.deletes },
    });
    return this.#speculator.run(this.#status.applied, signal);
  }

  /** Follows the journal and folds; never touches the session while the writer may. */
  async #read(turns: ApplyTurns, pending: PendingFolds, signal: AbortSignal): Promise<void> {
    const { journal, origin, until } = this.#options;
    let after = this.#status.applied;
    for await (const entry of journal.follow(origin, after, { signal })) {
      if (until !== undefined && after >= until) continue;
      if (entry.kind !== 'batch') continue;
      const batch = decodeBatch(entry.batch.bytes);
      const lost = await this.#admission.admit(batch, signal);
      if (lost.length > 0) turns.restores();
      await pending.room();
      if (signal.aborted) return;
      if (batch.stream !== undefined) {
        if (until !== undefined && batch.last > until) {
          after = until;
          continue;
        }
        await pending.drained();
        if (pending.ended()) return;
        await this.#alone(() => this.#applyStream(turns.now, batch));
      } else {
        await this.#fold(turns, pending, { batch, after });
        // What is in the journal comes without a pause, in which the writer could go on.
        await turn();
      }
      after = until !== undefined && batch.last > until ? until : batch.last;
    }
  }

  async #fold(
    turns: ApplyTurns,
    pending: PendingFolds,
    work: { batch: DecodedBatch; after: bigint },
  ): Promise<void> {
    const { batch, after } = work;
    const plans = await turns.catalog.plans(batch.relations);
    const { fold } = pending.current();
    const { until } = this.#options;
    const cut = until !== undefined && batch.last > until ? { upTo: until } : {};
    const transactions = foldBatch(fold, batch, { plans, after, ...cut });
    const position = cut.upTo ?? batch.last;
    const full = pending.added({ position, commitTime: batch.time, transactions });
    if (full === undefined) return;
    turns.prepare(full);
    turns.ahead(pending.next());
  }

  async #applyStream(session: ApplySession, batch: DecodedBatch): Promise<void> {
    const { journal, beacon, knowledge } = this.#options;
    const work = { journal, announce: (news: BeaconNews) => beacon.announce(news) };
    let outcome = { conflicts: 0, parked: 0 };
    if (!(await this.#speculator!.commit(batch, work))) {
      // Whether it has deletes shows only later; a needless note costs somebody's speculation.
      knowledge.deletes += 1;
      outcome = await applyStream(session, batch, work);
    }
    this.#state.durable = batch.last;
    const { last: position, time: commitTime, changes } = batch;
    this.#state.done({ position, commitTime, transactions: 1, changes, ...outcome });
  }

  async #write(turns: ApplyTurns, pending: PendingFolds): Promise<void> {
    const client = (): Client => turns.now.client;
    const durability = new Durability(client, () => this.#flush(turns.now));
    let lookedAt = Date.now();
    const pace = new Pace(APPLY_MS);
    while (!pending.ended()) {
      const next = await pending.take(DURABLE_MS, pace);
      if (next !== undefined) await this.#alone(() => this.#apply(turns, pending, next));
      if (pending.ended() || Date.now() - lookedAt < DURABLE_MS) continue;
      lookedAt = Date.now();
      await this.#alone(() => this.#lookForDurable(durability));
    }
  }

  async #apply(turns: ApplyTurns, pending: PendingFolds, next: PendingFold): Promise<void> {
    const session = await turns.take(next);
    turns.ahead(pending.next());
    const { origin, incarnation, beacon, knowledge } = this.#options;
    if (next.fold.deletes) knowledge.deletes += 1;
    const { fold, position, commitTime, transactions } = next;
    const announced = beacon.announce({ origin, incarnation, position, maxStamp: fold.maxStamp });
    announced.catch(() => undefined);
    const outcome = await applyFold(session, next, { origin, announced });
    this.#state.done({ position, commitTime, transactions, changes: fold.changes, ...outcome });
  }

  /**
   * One transaction on the session at a time. Reader (streamed transactions) and writer share it, and a
   * COMMIT of the one in the middle of the other's work would empty the other's staging table.
   */
  #alone(work: () => Promise<void>): Promise<void> {
    const turn = this.#session.then(work);
    this.#session = turn.catch(() => undefined);
    return turn;
  }

  async #flush(session: ApplySession): Promise<void> {
    await session.client.query('BEGIN');
    await session.client.query('SET LOCAL synchronous_commit = on');
    await writeProgress(session, { position: this.#status.applied }, this.#options.origin);
    await session.client.query('COMMIT');
  }

  async #lookForDurable(durability: Durability): Promise<void> {
    const state = this.#state;
    const found = await durability.look(this.#status.applied, state.durable);
    if (found > state.durable) state.durable = found;
  }
}
