/** What a batch was made with knowledge of and no site has. */
export interface Lost {
  /** Whose changes. */
  origin: number;
  /** The last position that there is of it; the changes after it are lost, */
  extent: bigint;
  /** of which those up to here were known. */
  named: bigint;
}

/**
 * How far each origin's changes are applied at this site; appliers wait on it for causal order
 * (ARCHITECTURE.md §4). Shared by the appliers of a site.
 */
export class Knowledge {
  readonly #self: number;
  readonly #ends: ReadonlyMap<number, bigint> | undefined;
  readonly #positions = new Map<number, bigint>();
  #extents: ReadonlyMap<number, bigint> = new Map();
  #waiters: (() => void)[] = [];
  /** Number of transactions with deletes that appliers of this site have begun to apply. */
  deletes = 0;

  /**
   * @param ends what another site had applied of each origin when it made a copy, of others nothing; given where no
   *   more than that is applied here. What that site's changes up to the copy were made with knowledge of is in
   *   it, though their vectors may say more: they hold what was about to be applied (ARCHITECTURE.md §4)
   */
  constructor(self: number, ends?: ReadonlyMap<number, bigint>) {
    this.#self = self;
    this.#ends = ends;
  }

  position(origin: number): bigint {
    return this.#positions.get(origin) ?? 0n;
  }

  /** Notes that everything of the origin up to the position is committed here. */
  advance(origin: number, position: bigint): void {
    if (position <= this.position(origin)) return;
    this.#positions.set(origin, position);
    this.#wake();
  }

  /**
   * Sets up to where there is anything of origins that are gone for good (src/site/members/extent.ts): what a vector says
   * beyond it is nowhere, and is not waited for.
   */
  exist(extents: ReadonlyMap<number, bigint>): void {
    this.#extents = new Map(extents);
    this.#wake();
  }

  #wake(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const wake of waiters) wake();
  }

  /** A copy of all positions. */
  positions(): ReadonlyMap<number, bigint> {
    return new Map(this.#positions);
  }

  /**
   * Corrects what a crash of the database took back: commits of apply are asynchronous. A position that
   * was known before the database was asked is in its answer, unless it was lost.
   *
   * @param before `positions()` from before the question
   * @param found the positions in `crp.progress`
   */
  correct(before: ReadonlyMap<number, bigint>, found: ReadonlyMap<number, bigint>): void {
    for (const [origin, position] of before) {
      const now = found.get(origin) ?? 0n;
      if (now < position && this.position(origin) === position) this.#positions.set(origin, now);
    }
  }

  /** True if everything that the vector names is applied here. Our own changes always are. */
  covers(vector: ReadonlyMap<number, bigint>, origin: number): boolean {
    return this.missing(vector, origin) === undefined;
  }

  /** The first entry of the vector that is not applied here yet. */
  missing(vector: ReadonlyMap<number, bigint>, origin: number): [number, bigint] | undefined {
    for (const entry of vector) {
      const [site, position] = entry;
      if (site === this.#self || site === origin) continue;
      if (this.position(site) < this.#needed(site, position)) return entry;
    }
    return undefined;
  }

  #needed(site: number, position: bigint): bigint {
    const end = this.#ends === undefined ? position : (this.#ends.get(site) ?? 0n);
    const extent = this.#extents.get(site) ?? position;
    return [end, extent].reduce((least, one) => (one < least ? one : least), position);
  }

  /** The entries of a vector that name what is nowhere any more, with what there is of it. */
  lost(vector: ReadonlyMap<number, bigint>): Lost[] {
    return [...vector].flatMap(([origin, named]) => {
      const extent = this.#extents.get(origin);
      return extent === undefined || named <= extent ? [] : [{ origin, extent, named }];
    });
  }

  /** Settles when the vector is covered, or when the signal is aborted. */
  async reached(
    vector: ReadonlyMap<number, bigint>,
    wait: { origin: number; signal: AbortSignal },
  ): Promise<void> {
    while (!this.covers(vector, wait.origin) && !wait.signal.aborted) {
      await this.#changed(wait.signal);
    }
  }

  #changed(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        signal.removeEventListener('abort', wake);
        resolve();
      };
      this.#waiters.push(wake);
      signal.addEventListener('abort', wake, { once: true });
    });
  }
}
