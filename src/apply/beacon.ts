import type { Client } from 'pg';
import { connect } from '../postgres/connect.ts';

/**
 * What must be in the WAL before an apply transaction commits: that its changes are about to be known
 * here (ARCHITECTURE.md §4), and that local writes must be stamped after them (§3). One a site, on a
 * session of its own without a replication origin: a message written under an origin would be filtered
 * out of our own capture.
 *
 * All appliers of a site share one beacon, so `crp.floor` is set by one session only and never falls.
 */
export class Beacon {
  readonly #dsn: string;
  #client: Client | undefined;
  #floor = 0n;
  #queue: Promise<void> = Promise.resolve();
  /** Whether other sites need our knowledge vector: with two sites nobody does. */
  readonly #announces: () => boolean;

  /** Connects when it is first needed, and again after the server was gone. */
  constructor(dsn: string, announces: () => boolean) {
    this.#dsn = dsn;
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
    const client = await this.#session();
    await client.query(`SELECT ${parts.join(', ')}`, values);
    if (floor > this.#floor) this.#floor = floor;
  }

  /** A crash of the server can take back the last `setval`, so a new session believes nothing. */
  async #session(): Promise<Client> {
    if (this.#client !== undefined) return this.#client;
    const client = await connect(this.#dsn, 'syncline beacon');
    this.#floor = 0n;
    this.#client = client;
    const forget = (): void => {
      if (this.#client === client) this.#client = undefined;
      this.#floor = 0n;
    };
    client.once('error', forget);
    client.once('end', forget);
    return client;
  }

  async close(): Promise<void> {
    await this.#queue;
    await this.#client?.end().catch(() => undefined);
  }
}

export interface BeaconNews {
  origin: number;
  incarnation: number;
  position: bigint;
  /** The greatest stamp among the changes. */
  maxStamp: bigint;
}
