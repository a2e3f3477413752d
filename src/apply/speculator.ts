import { describeError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { DecodedBatch } from '../journal/batch.ts';
import type { Chunk, Journal } from '../journal/journal.ts';
import { connect } from '../postgres/connect.ts';
import type { Client } from 'pg';
import type { StreamWork } from './apply-stream.ts';
import { ApplySession, originsBeside } from './session.ts';
import type { ApplySessionOptions } from './session.ts';
import { Speculation } from './speculation.ts';
import type { SpeculationContext } from './speculation.ts';

/** How often to look whether somebody waits for a lock of the open transaction. */
const WATCH_MS = 500;
/** An open transaction gives way soon: it waits for no lock longer than this. */
const LOCK_TIMEOUT_MS = 500;

/** Sessions that wait for one; `pg_blocking_pids` is asked only about those that wait for a lock. */
const WAITING = `SELECT FROM pg_stat_activity
  WHERE wait_event_type = 'Lock' AND $1 = ANY (pg_blocking_pids(pid)) LIMIT 1`;

export interface SpeculatorOptions {
  session: ApplySessionOptions;
  journal: Journal;
  origin: number;
  log: Log;
  /** Transactions with which it was tried in vain; outlives the speculator. */
  refused: Set<number>;
  context: SpeculationContext;
}

/** What is open while transactions are followed. */
interface Sessions {
  apply: ApplySession;
  watch: Client;
  pid: number;
}

/**
 * Follows the transactions in progress of one origin and applies one of them at a time before its commit.
 * Its locks are given up when anybody waits for them. Everything here is an attempt: whatever fails, the
 * transaction is applied at its commit from the journal.
 */
export class Speculator {
  readonly #options: SpeculatorOptions;
  #sessions: Sessions | undefined;
  #current: Speculation | undefined;
  /** Settles when the session is free again. */
  #free: Promise<void> = Promise.resolve();
  #watching: NodeJS.Timeout | undefined;

  constructor(options: SpeculatorOptions) {
    this.#options = options;
  }

  /** Runs until the signal. Never throws: without speculation apply is slower, not wrong. */
  async run(after: bigint, signal: AbortSignal): Promise<void> {
    const { journal, origin, log } = this.#options;
    const options = { signal, streams: true, batches: false };
    try {
      for await (const entry of journal.follow(origin, after, options)) {
        if (entry.kind === 'chunk') await this.#chunk(entry.chunk);
        else if (entry.kind === 'abort') await this.#aborted(entry.xid);
      }
    } catch (error) {
      log.warn({ origin, error: describeError(error) }, 'streams are applied at their commit only');
    } finally {
      await this.#close();
    }
  }

  /**
   * Commits the transaction that the batch ends, if it was applied before.
   *
   * @returns false if it was not, or not completely: nothing of it is in the database
   */
  async commit(batch: DecodedBatch, work: StreamWork): Promise<boolean> {
    const { xid } = batch.stream!;
    this.#options.refused.delete(xid);
    const speculation = this.#current;
    if (speculation?.xid !== xid) return false;
    this.#current = undefined;
    const committing = speculation.commit(batch, work);
    this.#free = speculation.ended();
    const done = await committing;
    this.#options.log.debug(
      { xid, done, reason: speculation.failure },
      'applied before its commit',
    );
    return done;
  }

  async #chunk(chunk: Chunk): Promise<void> {
    const { xid, number } = chunk;
    // It failed after its last chunk.
    if (this.#current?.failure !== undefined) this.#refuse(this.#current);
    if (this.#current === undefined && number === 0 && !this.#options.refused.has(xid)) {
      await this.#begin(xid);
    }
    const speculation = this.#current;
    if (speculation?.xid !== xid) return;
    await speculation.add(chunk);
    if (speculation.failure !== undefined) this.#refuse(speculation);
  }

  async #begin(xid: number): Promise<void> {
    try {
      await this.#free;
      const { apply } = (this.#sessions ??= await this.#open());
      const speculation = await Speculation.begin(apply, xid, this.#options.context);
      this.#watching ??= setInterval(() => void this.#watch(), WATCH_MS);
      const { journal, origin } = this.#options;
      // Its commit may have come and gone meanwhile: nobody would ever ask for it again.
      if (journal.inProgress(origin, xid)) this.#current = speculation;
      else await speculation.abandon('it has ended');
    } catch (error) {
      this.#options.refused.add(xid);
      this.#options.log.warn({ xid, error: describeError(error) }, 'stream not applied early');
      await this.#close();
    }
  }

  async #open(): Promise<Sessions> {
    const { session } = this.#options;
    const apply = await ApplySession.open({
      ...session,
      originName: originsBeside(session.originName).stream,
    });
    try {
      await apply.client.query(`SET lock_timeout = ${LOCK_TIMEOUT_MS}`);
      const { rows } = await apply.client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
      const watch = await connect(session.dsn, 'syncline apply watch');
      return { apply, watch, pid: rows[0]!.pid };
    } catch (error) {
      await apply.close();
      throw error;
    }
  }

  async #watch(): Promise<void> {
    const speculation = this.#current;
    if (speculation === undefined || this.#sessions === undefined) return;
    const { watch, pid } = this.#sessions;
    if (speculation.failure !== undefined) return this.#refuse(speculation);
    try {
      const { rowCount } = await watch.query({ name: 'waiting', text: WAITING, values: [pid] });
      if (rowCount === 0) return;
      await speculation.abandon('somebody waits for its locks');
    } catch (error) {
      await speculation.abandon(describeError(error));
    }
    if (this.#current === speculation) this.#refuse(speculation);
  }

  async #aborted(xid: number): Promise<void> {
    this.#options.refused.delete(xid);
    if (this.#current?.xid !== xid) return;
    const speculation = this.#current;
    this.#current = undefined;
    await speculation.abandon('it was rolled back');
    this.#free = speculation.ended();
  }

  #refuse(speculation: Speculation): void {
    const { log, origin, refused } = this.#options;
    const { xid, failure } = speculation;
    log.info({ origin, xid, reason: failure }, 'stream will be applied at its commit');
    refused.add(xid);
    this.#current = undefined;
    this.#free = speculation.ended();
  }

  async #close(): Promise<void> {
    clearInterval(this.#watching);
    this.#watching = undefined;
    this.#current = undefined;
    const sessions = this.#sessions;
    this.#sessions = undefined;
    await sessions?.apply.close();
    await sessions?.watch.end().catch(() => undefined);
  }
}
