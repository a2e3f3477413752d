import { setTimeout as delay } from 'node:timers/promises';
import { describeError } from '../base/errors.ts';
import { isJournalFull } from '../journal/group-commit.ts';
import { isTransient } from '../postgres/connect.ts';
import { CapturedUntil } from './captured-until.ts';
import { CaptureSession } from './capture-session.ts';
import type { CaptureOptions } from './capture-options.ts';
import { PassedOverChanges } from './passed-over.ts';
import type { PassedOver } from './passed-over.ts';

const BACKOFF_MS = [100, 200, 500, 1000, 2000, 5000];
/** What the pause is while the journal is full: what frees it comes every two seconds. */
const WHILE_FULL = 2;

export interface CaptureStatus {
  state: 'starting' | 'running' | 'retrying' | 'stopped';
  /** What reads the WAL at present: a walsender, or calls of SQL, which read more a second but later. */
  by?: 'walsender' | 'calls';
  /** Position of the last transaction that was captured. */
  position: bigint;
  /** So long ago, ms, all was captured that had committed by then; undefined where that is not known. */
  behind?: number;
  lastError?: { at: string; message: string };
  /** Changes that no other site gets, since the agent started. */
  passedOver: PassedOver[];
}

/**
 * Follows the site's own database by logical decoding and writes its transactions to the journal. The
 * slot is confirmed only up to what the journal has on disk, so a crash at any point loses nothing: the
 * rest is decoded again, at the same positions.
 */
export class Capture {
  readonly #options: CaptureOptions;
  #status: Omit<CaptureStatus, 'passedOver' | 'behind'>;
  readonly #until: CapturedUntil;
  readonly #passedOver: PassedOverChanges;

  constructor(options: CaptureOptions) {
    this.#options = options;
    this.#until = new CapturedUntil(options);
    this.#passedOver = new PassedOverChanges(options.log);
    this.#status = { state: 'starting', position: options.journal.position(options.site.number) };
  }

  status(): CaptureStatus {
    const behind = this.#until.behind();
    return {
      ...this.#status,
      ...(behind === undefined ? {} : { behind }),
      passedOver: this.#passedOver.list(),
    };
  }

  /**
   * Runs until the signal. A lost connection and a full journal are retried with bounded backoff.
   *
   * @throws what a new try cannot cure
   */
  async run(signal: AbortSignal): Promise<void> {
    for (let attempt = 0; !signal.aborted; attempt++) {
      const session = new CaptureSession(this.#options, {
        progress: (position) => {
          attempt = 0;
          this.#status.state = 'running';
          this.#status.position = position;
        },
        reads: (by) => (this.#status.by = by),
        looked: (position, at) => this.#until.looked(position, at),
        stored: (position) => this.#until.stored(position),
        passedOver: (table, by) => this.#passedOver.note(table, by),
      });
      try {
        await session.run(signal);
      } catch (error) {
        if (signal.aborted) break;
        if (!isTransient(error)) throw error;
        this.#retry(error);
        // A session that the journal refuses has read something before: its pause would never grow.
        if (isJournalFull(error)) attempt = WHILE_FULL;
        const wait = BACKOFF_MS[Math.min(attempt, BACKOFF_MS.length - 1)];
        await delay(wait, undefined, { signal }).catch(() => undefined);
      }
    }
    await this.#until.note();
    this.#status.state = 'stopped';
  }

  #retry(error: unknown): void {
    const message = describeError(error);
    this.#status.state = 'retrying';
    this.#status.lastError = { at: new Date().toISOString(), message };
    this.#options.log.warn({ error: message }, 'capture interrupted');
  }
}
