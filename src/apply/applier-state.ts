import { setTimeout as delay } from 'node:timers/promises';
import { describeError } from '../base/errors.ts';
import type { ApplierOptions, ApplierStatus } from './applier.ts';

const BACKOFF_MS = [50, 100, 200, 500, 1000, 2000, 5000];

/** What one transaction of apply has done. */
export interface Done {
  position: bigint;
  commitTime: bigint;
  transactions: number;
  changes: number;
  conflicts: number;
  parked: number;
}

/** How far an applier is, and what it tells of itself. */
export class ApplierState {
  readonly #options: ApplierOptions;
  readonly status: ApplierStatus;
  /** Up to where a crash of the database cannot take anything back. */
  durable = 0n;
  #attempt = 0;

  constructor(options: ApplierOptions) {
    this.#options = options;
    this.status = {
      ...{ origin: options.origin, state: 'starting', applied: 0n, commitTime: 0n },
      ...{ transactions: 0, changes: 0, conflicts: 0, parked: 0 },
    };
  }

  /** A session begins with what the database has. That is less than was on disk where it was put back to an earlier state. */
  began(applied: bigint): void {
    this.status.applied = applied;
    this.status.state = 'running';
    if (applied < this.durable) this.durable = applied;
  }

  /** A transaction has committed. */
  done(done: Done): void {
    const { origin, knowledge, onApplied } = this.#options;
    const { parked, ...event } = done;
    this.#attempt = 0;
    delete this.status.since;
    this.status.applied = done.position;
    this.status.commitTime = done.commitTime;
    this.status.transactions += done.transactions;
    this.status.changes += done.changes;
    this.status.conflicts += done.conflicts;
    this.status.parked += parked;
    knowledge.advance(origin, done.position);
    onApplied({ origin, ...event });
  }

  /** Apply has failed. */
  failed(error: unknown): void {
    const message = describeError(error);
    const at = new Date().toISOString();
    this.status.lastError = { at, message };
    this.status.since ??= at;
    this.status.state = 'retrying';
  }

  /** The pause before the next attempt: longer each time until something was applied, 5 s at most. */
  async pause(signal: AbortSignal): Promise<void> {
    const { origin, log } = this.#options;
    log.warn({ origin, error: this.status.lastError?.message }, 'apply interrupted');
    const wait = BACKOFF_MS[Math.min(this.#attempt, BACKOFF_MS.length - 1)];
    this.#attempt += 1;
    await delay(wait, undefined, { signal }).catch(() => undefined);
  }
}
