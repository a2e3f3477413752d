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
  /** Where each origin begins, if not with its first batch: durable by itself. */
  readonly #starts = new Map<number, bigint>();
  /** The vector that capture saved, durable by itself. */
  vector = new Map<number, bigint>();

  /** A new site begins where its base copy ends. */
  startAt(origin: number, position: bigint): void {
    this.#starts.set(origin, position);
  }

  /** Nothing after less than this can be asked for. */
  oldest(origin: number): bigint {
    return this.#starts.get(origin) ?? 0n;
  }

  /** Forgets the batches of the origin up to the position; how many. */
  trim(origin: number, upTo: bigint): number {
    const gone = (this.#byOrigin.get(origin) ?? []).filter((batch) => batch.last <= upTo);
    if (gone.length === 0) return 0;
    this.startAt(origin, gone.at(-1)!.last);
    this.#stored -= this.#entries.slice(0, this.#stored).filter((one) => gone.includes(one)).length;
    const left = this.#entries.filter((batch) => !gone.includes(batch));
    this.#entries.splice(0, this.#entries.length, ...left);
    this.#byOrigin.get(origin)!.splice(0, gone.length);
    return gone.length;
  }

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
    return this.#positions.get(origin) ?? this.oldest(origin);
  }

  durable(origin: number): bigint {
    for (let at = this.#stored - 1; at >= 0; at--) {
      if (this.#entries[at]!.origin === origin) return this.#entries[at]!.last;
    }
    return this.oldest(origin);
  }

  /** Up to so many batches of the origin that end after the position. */
  after(origin: number, position: bigint, limit: number): Batch[] {
    const log = this.#byOrigin.get(origin) ?? [];
    let from = log.length;
    while (from > 0 && log[from - 1]!.last > position) from -= 1;
    return log.slice(from, from + limit);
  }

  origins(): number[] {
    return [...new Set([...this.#starts.keys(), ...this.#byOrigin.keys()])];
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
