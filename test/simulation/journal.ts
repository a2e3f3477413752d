import { assert } from '../../src/base/assert.ts';
import type { Batch } from '../../src/journal/journal.ts';

/**
 * A site's journal by the contract of src/journal/journal.ts: batches by origin, accepted when they
 * overlap or follow, visible at once and durable later, all origins in the order in which they came.
 */
export class SimJournal {
  /** Everything in order of arrival; the first `stored` are on disk. */
  readonly #entries: Batch[] = [];
  #stored = 0;
  readonly #positions = new Map<number, bigint>();
  readonly #byOrigin = new Map<number, Batch[]>();
  /** The vector that capture saved, durable by itself. */
  vector = new Map<number, bigint>();

  append(batch: Batch): void {
    const position = this.position(batch.origin);
    if (batch.last <= position) return;
    assert(batch.previous <= position, () => `a gap after ${position} of site ${batch.origin}`);
    this.#entries.push(batch);
    this.#add(batch);
  }

  #add(batch: Batch): void {
    const log = this.#byOrigin.get(batch.origin) ?? [];
    log.push(batch);
    this.#byOrigin.set(batch.origin, log);
    this.#positions.set(batch.origin, batch.last);
  }

  position(origin: number): bigint {
    return this.#positions.get(origin) ?? 0n;
  }

  durable(origin: number): bigint {
    for (let at = this.#stored - 1; at >= 0; at--) {
      if (this.#entries[at]!.origin === origin) return this.#entries[at]!.last;
    }
    return 0n;
  }

  /** Up to so many batches of the origin that end after the position. */
  after(origin: number, position: bigint, limit: number): Batch[] {
    const log = this.#byOrigin.get(origin) ?? [];
    let from = log.length;
    while (from > 0 && log[from - 1]!.last > position) from -= 1;
    return log.slice(from, from + limit);
  }

  origins(): number[] {
    return [...this.#byOrigin.keys()];
  }

  store(): void {
    this.#stored = this.#entries.length;
  }

  /** The tail that was not on disk is gone. */
  crash(): void {
    this.#entries.length = this.#stored;
    this.#byOrigin.clear();
    this.#positions.clear();
    for (const batch of this.#entries) this.#add(batch);
  }
}
