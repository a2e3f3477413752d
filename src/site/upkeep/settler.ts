import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from 'pg';
import { deriveOther, deriveSelf } from '../../apply/settle/derive.ts';
import { retry } from '../../apply/settle/retry.ts';
import { settleOrphan } from '../../apply/settle/settle-orphan.ts';
import type { OrphanNote } from '../../apply/settle/settle-orphan.ts';
import { Settling } from '../../apply/settle/settling.ts';
import type { SettlingOptions } from '../../apply/settle/settling.ts';
import type { Image } from '../../apply/slow/waiting.ts';
import { describeError } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import { isTransient } from '../../postgres/connect.ts';
import { isKey } from '../../sql/ddl/waiting-ddl.ts';
import type { Upkeep } from './upkeep.ts';

/** Without news, what waits is tried again after so long; twice as long after each round that settles none. */
const PERIOD_MS = 500;
const MAX_PERIOD_MS = 5_000;
/** Between two rounds, however many changes are applied: after one that settled rows, and after another. */
const PAUSE_MS = 50;
const FRUITLESS_PAUSE_MS = 1_000;
/** Rows of a kind that one round tries, those that were tried longest ago. */
const ROUND = 100;
/** Steps of one row in one round: derived changes can be needed several times. */
const STEPS = 5;
const RECONNECT_MS = 2_000;

const WAITING = `SELECT entity, key FROM crp.waiting ORDER BY tried_at LIMIT ${ROUND}`;
const ORPHANS = `
  SELECT entity, reference, key, parent_row, deleted::text FROM crp.orphan ORDER BY tried_at LIMIT ${ROUND}`;
const TRIED = `UPDATE crp.waiting SET tried_at = clock_timestamp() WHERE entity = $1 AND ${isKey('key', '$2::jsonb')}`;

/** What it is told as when it fails. */
const WORK = 'rows that wait cannot be settled';

export interface SettlerOptions extends SettlingOptions {
  log: Log;
  /** Told when there is no session to work in. */
  upkeep?: Upkeep;
}

/**
 * Settles what waits, by itself: rows that a constraint keeps out (`crp.waiting`) are tried again, and
 * references without a target (`crp.orphan`) get what the model says. Awake when something is parked, and
 * while anything waits when something is applied, and from time to time (a local write may have freed a
 * value). Every row has a transaction of its own.
 */
export class Settler {
  readonly #options: SettlerOptions;
  #wake: () => void = () => undefined;
  #news = false;
  #waits = false;

  constructor(options: SettlerOptions) {
    this.#options = options;
  }

  /** Something was applied: what waits may be in nobody's way any more. */
  applied(): void {
    if (this.#waits) this.#tell();
  }

  #tell(): void {
    this.#news = true;
    this.#wake();
  }

  /** Runs until the signal; a lost connection is made again. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.#runSession(signal);
      } catch (error) {
        if (signal.aborted) return;
        this.#options.upkeep?.failed(WORK, error);
        this.#options.log.warn({ error: describeError(error) }, 'settling interrupted');
        await delay(RECONNECT_MS, undefined, { signal }).catch(() => undefined);
      }
    }
  }

  async #runSession(signal: AbortSignal): Promise<void> {
    const settling = await Settling.open(this.#options);
    const stop = (): void => this.#wake();
    signal.addEventListener('abort', stop, { once: true });
    settling.local.on('notification', () => this.#tell());
    try {
      await settling.local.query('LISTEN crp_waiting');
      let period = PERIOD_MS;
      while (!signal.aborted) {
        this.#news = false;
        const { left, settled } = await this.round(settling, signal);
        this.#options.upkeep?.done(WORK);
        this.#waits = left > 0;
        period = settled > 0 ? PERIOD_MS : Math.min(2 * period, MAX_PERIOD_MS);
        const pause = left > settled && settled === 0 ? FRUITLESS_PAUSE_MS : PAUSE_MS;
        await delay(pause, undefined, { signal }).catch(() => undefined);
        if (!this.#news) await this.#rest(period, signal);
      }
    } finally {
      signal.removeEventListener('abort', stop);
      await settling.close();
    }
  }

  /** Until there is news, or for the period. */
  async #rest(period: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, period);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = () => undefined;
  }

  /**
   * Tries what waits, once. `left`: rows that were waiting, `settled`: those of them that do not any more, or whose older
   * form has left the table, so that others may come in.
   */
  async round(settling: Settling, signal: AbortSignal): Promise<{ left: number; settled: number }> {
    settling.forget();
    let settled = 0;
    const orphans = await all<OrphanNote>(settling.local, ORPHANS);
    for (const note of orphans) {
      if (signal.aborted) break;
      if (await this.#guarded(() => settleOrphan(settling, note), note)) settled += 1;
    }
    const waiting = await all<{ entity: string; key: Image }>(settling.local, WAITING);
    for (const row of waiting) {
      if (signal.aborted) break;
      const done = await this.#guarded(() => this.#settle(settling, row), row);
      if (done === true) settled += 1;
      if (done !== undefined) continue;
      await settling.local.query(TRIED, [row.entity, JSON.stringify(row.key)]);
    }
    return { left: orphans.length + waiting.length, settled };
  }

  /** One row that cannot be settled does not hold up the others. Undefined if it failed. */
  async #guarded(
    work: () => Promise<boolean>,
    row: { entity: string; key: Image },
  ): Promise<boolean | undefined> {
    try {
      return await work();
    } catch (error) {
      if (isTransient(error) && !isContention(error)) throw error;
      const { entity, key } = row;
      this.#options.log.warn({ entity, key, error: describeError(error) }, 'row cannot be settled');
      return undefined;
    }
  }

  async #settle(settling: Settling, row: { entity: string; key: Image }): Promise<boolean> {
    const entity = settling.entity(row.entity);
    if (entity === undefined) return false;
    const { key } = row;
    for (let step = 0; step < STEPS; step++) {
      const result = await retry(settling, entity, key);
      if (result.is !== 'derive') return result.is !== 'waits';
      const { self, others } = result;
      // What keeps the row out by one constraint would forbid the form that it gets by another one.
      for (const clash of others) await deriveOther(settling, entity, clash);
      if (self.length > 0) await deriveSelf(settling, { entity, key, uniques: self });
    }
    return false;
  }
}

async function all<Row extends object>(client: Client, text: string): Promise<Row[]> {
  return (await client.query<Row>(text)).rows;
}

/** Deadlock, lock time-out, serialization: the session is well, the row is tried again. */
function isContention(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  return code === '40P01' || code === '55P03' || code === '40001';
}
