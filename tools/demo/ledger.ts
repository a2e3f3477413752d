import type { DemoSite } from './site.ts';

/** A write that PostgreSQL acknowledged: the RRset and the data it must have. */
interface Entry {
  owner: string;
  type: string;
  rdata: string[];
}

/**
 * What was acknowledged, by either site, and must be at both in the end: exactly so, or superseded by a
 * later write of the ledger.
 */
export class Ledger {
  readonly #entries = new Map<string, Entry>();

  /** Number of RRsets written. */
  get size(): number {
    return this.#entries.size;
  }

  /** The write was acknowledged. A later one of the same RRset supersedes it. */
  acknowledged(entry: Entry): void {
    this.#entries.set(`${entry.owner} ${entry.type}`, entry);
  }

  /** The RRset was deleted, and the delete was acknowledged or won. */
  deleted(owner: string, type: string): void {
    this.#entries.delete(`${owner} ${type}`);
  }

  /** The entries that the site does not have, or has with other data. */
  async missing(site: DemoSite, zone: string): Promise<string[]> {
    const rows = await site.query<Entry>(
      'SELECT owner, type, rdata FROM dns.rrset WHERE zone = $1',
      [zone],
    );
    const found = new Map(rows.map((row) => [`${row.owner} ${row.type}`, row.rdata.join('\n')]));
    return [...this.#entries]
      .filter(([key, entry]) => found.get(key) !== entry.rdata.join('\n'))
      .map(([key]) => key);
  }
}
