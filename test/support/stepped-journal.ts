import { decodeBatch } from '../../src/journal/batch.ts';
import type { DecodedBatch } from '../../src/journal/batch.ts';
import type { Batch, Chunk, Entry, FollowOptions, Journal } from '../../src/journal/journal.ts';
import { stated } from '../../src/site/members/extent.ts';
import type { Statement } from '../../src/site/members/extent.ts';

/**
 * The journal of a stepped site: what it captured itself, and up to where it has what others captured. Their batches
 * stay where they were made; what this journal has of them it can hand on when their site is lost.
 */
export class SteppedJournal {
  readonly #self: number;
  readonly #batches: Batch[] = [];
  readonly #chunks: Chunk[] = [];
  readonly #positions = new Map<number, bigint>();
  readonly #notes = new Map<string, string>();
  /** The site is lost: nobody gets anything from this journal any more but what another one has of it. */
  lost = false;

  /** @param begin where a base copy ends, of each origin */
  constructor(self: number, begin: ReadonlyMap<number, bigint>) {
    this.#self = self;
    for (const [origin, position] of begin) this.#positions.set(origin, position);
  }

  /** Takes what capture makes. */
  readonly sink = {
    batch: (batch: Batch): void => void this.#batches.push(batch),
    chunk: (chunk: Chunk): void => void this.#chunks.push(chunk),
    abort: (): void => undefined,
  };

  /** How many batches this site has made. */
  get made(): number {
    return this.#batches.length;
  }

  /** How many of its batches end at a position or before it. */
  upTo(position: bigint): number {
    return this.#batches.findLastIndex(({ last }) => last <= position) + 1;
  }

  /** How many of them hold everything up to a position. */
  holding(position: bigint): number {
    const place = this.#batches.findIndex(({ last }) => last >= position);
    return place < 0 ? this.made : place + 1;
  }

  /** The batch at a place, from 0 on. */
  batch(place: number): DecodedBatch {
    return decodeBatch(this.#batches[place]!.bytes);
  }

  /** The chunks of a streamed transaction. */
  chunks(xid: number): Chunk[] {
    return this.#chunks.filter((chunk) => chunk.xid === xid);
  }

  /** Up to where this journal has an origin, as that of an agent says it. */
  position(origin: number): bigint {
    if (origin === this.#self) return this.#batches.at(-1)?.last ?? 0n;
    return this.#positions.get(origin) ?? 0n;
  }

  /**
   * Pulls batches of another site, as far as there are so many.
   *
   * @param count of all that the site made
   * @param via a journal that hands them on
   */
  pull(from: SteppedJournal, count: number, via = from): void {
    if (via.lost || via === this) return;
    const there = Math.min(count, via === from ? from.made : from.upTo(via.position(from.#self)));
    const last = from.#batches[there - 1]?.last ?? 0n;
    if (last > this.position(from.#self)) this.#positions.set(from.#self, last);
  }

  /** What this site says of its journal to the others. */
  statement(gone: readonly number[], applied: (origin: number) => bigint): Statement {
    const position = (origin: number): bigint => this.position(origin);
    const origins = (): number[] => [...this.#positions.keys()];
    const journal = { origins, position, durable: position };
    return stated({ self: this.#self, journal, gone, applied });
  }

  getNote(name: string): string | undefined {
    return this.#notes.get(name);
  }

  setNote(name: string, text: string): Promise<void> {
    this.#notes.set(name, text);
    return Promise.resolve();
  }

  /** For code of an agent that reads the site's own changes. */
  asJournal(): Journal {
    return Object.assign(Object.create(this) as object, {
      follow: (_: number, after: bigint, __: FollowOptions) => this.#follow(after),
      position: (origin: number) => this.position(origin),
      getNote: (name: string) => this.getNote(name),
      setNote: (name: string, text: string) => this.setNote(name, text),
    }) as unknown as Journal;
  }

  async *#follow(after: bigint): AsyncGenerator<Entry> {
    for (const batch of this.#batches.slice(this.upTo(after)))
      yield await Promise.resolve({ kind: 'batch', batch } as const);
  }
}
