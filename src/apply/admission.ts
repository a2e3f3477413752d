import { setTimeout as delay } from 'node:timers/promises';
import type { DecodedBatch } from '../journal/batch.ts';
import { POSTGRES_EPOCH_MS } from '../postgres/replication.ts';
import type { ApplierOptions, ApplierStatus } from './applier.ts';
import type { Lost } from './knowledge.ts';

/** Between two looks at the clock while a batch of the future is held back. */
const HELD_MS = 1000;

/** Decides when batches of an origin may be applied; the status says what is waited for. */
export class Admission {
  readonly #options: ApplierOptions;
  readonly #status: ApplierStatus;

  constructor(options: ApplierOptions, status: ApplierStatus) {
    this.#options = options;
    this.#status = status;
  }

  /**
   * Waits until the batch may be applied: causality, and a clock that is not too far ahead.
   *
   * @returns what it was made with knowledge of and is nowhere any more
   */
  async admit(batch: DecodedBatch, signal: AbortSignal): Promise<Lost[]> {
    const { knowledge, origin, onLost } = this.#options;
    const before = this.#status.since;
    if (!knowledge.covers(batch.knowledge, origin)) {
      this.#wait(new Date().toISOString());
      await knowledge.reached(batch.knowledge, { origin, signal });
    }
    const lost = knowledge.lost(batch.knowledge);
    if (lost.length > 0 && !signal.aborted) onLost?.(lost);
    for (let held = false; !signal.aborted; held = true) {
      const ahead = this.#ahead(batch);
      if (ahead <= this.#options.maxClockDriftMicros) break;
      this.#holdBack(ahead, held);
      await delay(HELD_MS, undefined, { signal }).catch(() => undefined);
    }
    this.#status.state = 'running';
    // What began before lasts until something is applied.
    if (before === undefined) delete this.#status.since;
    return lost;
  }

  #wait(at: string): void {
    this.#status.state = 'waiting';
    this.#status.since ??= at;
  }

  /** How far the commit is ahead of this site's clock, µs. */
  #ahead({ time }: DecodedBatch): bigint {
    return time - BigInt(Date.now() - POSTGRES_EPOCH_MS) * 1000n;
  }

  #holdBack(ahead: bigint, isKnown: boolean): void {
    const { origin, log, siteNames } = this.#options;
    const seconds = Math.round(Number(ahead) / 1e6);
    const site = siteNames().get(origin) ?? String(origin);
    const message = `the clock of site "${site}" is ${seconds} s ahead of this one; held back`;
    if (!isKnown) log.error({ origin, seconds }, message);
    const at = new Date().toISOString();
    this.#status.lastError = { at, message };
    this.#wait(at);
  }
}
