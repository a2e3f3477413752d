import type { Lost } from '../../apply/knowledge.ts';
import type { Log } from '../../base/log.ts';
import type { Journal } from '../../journal/journal.ts';
import { formatLsn } from '../../postgres/lsn.ts';

const NOTE = 'site/waived';

/** What `syncline status` says of changes that were applied without others that they were made with knowledge of. */
export interface WaivedStatus {
  /** The site whose changes were applied, */
  site: string;
  /** and the one whose changes are missing: from after this position of it, */
  without: string;
  after: string;
  /** up to here at least. */
  upTo: string;
}

/** As it is noted: numbers of the two sites, and the positions. */
type Noted = [site: number, without: number, after: string, upTo: string];

/** Remembers, and tells, what apply did not wait for since it is nowhere any more (extent.ts). */
export class Waived {
  readonly #journal: Pick<Journal, 'getNote' | 'setNote'>;
  readonly #log: Log;
  readonly #noted = new Map<string, Noted>();

  constructor(options: { journal: Pick<Journal, 'getNote' | 'setNote'>; log: Log }) {
    this.#journal = options.journal;
    this.#log = options.log;
    const noted = JSON.parse(this.#journal.getNote(NOTE) ?? '[]') as Noted[];
    for (const one of noted) this.#noted.set(keyOf(one[0], one[1]), one);
  }

  /** Changes of a site are about to be applied without these. */
  note(site: number, lost: readonly Lost[]): void {
    let isNew = false;
    for (const { origin, extent, named } of lost) {
      const known = this.#noted.get(keyOf(site, origin));
      if (known !== undefined && BigInt(known[3]) >= named) continue;
      isNew = true;
      this.#noted.set(keyOf(site, origin), [site, origin, extent.toString(), named.toString()]);
      const positions = { after: formatLsn(extent), upTo: formatLsn(named) };
      this.#log.warn(
        { site, without: origin, ...positions },
        'changes of a lost site are applied without those of another one that they were made with knowledge of: no member has them',
      );
    }
    // A crash before it is on disk: the batch is applied again, and this noted again, or it was in the log at least.
    if (isNew) void this.#save();
  }

  async #save(): Promise<void> {
    const text = JSON.stringify([...this.#noted.values()]);
    await this.#journal.setNote(NOTE, text).catch(() => undefined);
  }

  status(names: ReadonlyMap<number, string>): WaivedStatus[] {
    const name = (number: number): string => names.get(number) ?? String(number);
    return [...this.#noted.values()].map(([site, without, after, upTo]) => ({
      ...{ site: name(site), without: name(without) },
      ...{ after: formatLsn(BigInt(after)), upTo: formatLsn(BigInt(upTo)) },
    }));
  }
}

function keyOf(site: number, without: number): string {
  return `${site} ${without}`;
}
