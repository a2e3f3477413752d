import type { Client } from 'pg';

/**
 * What must be in the WAL before an apply transaction commits: that its changes are about to be known
 * here (ARCHITECTURE.md §4), and that local writes must be stamped after them (§3). One a site, on a
 * session of its own without a replication origin: a message written under an origin would be filtered
 * out of our own capture.
 *
 * All appliers of a site share one beacon, so `crp.floor` is set by one session only and never falls.
 */
export class Beacon {
  readonly #client: Client;
  #floor = 0n;
  #queue: Promise<void> = Promise.resolve();
  /** Whether other sites need our knowledge vector: with two sites nobody does. */
  readonly #announces: () => boolean;

  constructor(client: Client, announces: () => boolean) {
    this.#client = client;
    this.#announces = announces;
  }

  /**
   * Settles when both are in the WAL. Must settle before the commit it announces is sent.
   *
   * @throws the database's error
   */
  announce(news: BeaconNews): Promise<void> {
    const next = this.#queue.then(() => this.#write(news));
    this.#queue = next.catch(() => undefined);
    return next;
  }

  async #write(news: BeaconNews): Promise<void> {
    const floor = news.maxStamp >> 11n;
    const parts: string[] = [];
    const values: unknown[] = [];
    if (floor > this.#floor) {
      values.push(floor);
      parts.push(
        `setval('crp.floor', greatest($${values.length}::bigint, (SELECT last_value FROM crp.floor)))`,
      );
    }
    if (this.#announces()) {
      values.push(`${news.origin} ${news.incarnation} ${news.position}`);
      parts.push(`pg_logical_emit_message(false, 'crp.known', $${values.length}::text)`);
    }
    if (parts.length === 0) return;
    await this.#client.query(`SELECT ${parts.join(', ')}`, values);
    if (floor > this.#floor) this.#floor = floor;
  }
}

export interface BeaconNews {
  origin: number;
  incarnation: number;
  position: bigint;
  /** The greatest stamp among the changes. */
  maxStamp: bigint;
}
