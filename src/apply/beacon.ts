import type { Client } from 'pg';
import { connect } from '../postgres/connect.ts';
import { KNOWN_MESSAGE, knownText } from '../postgres/known.ts';
import { inTransaction } from '../postgres/transaction.ts';
import { STAMP_CLOCK } from '../sql/ddl/stamp-clock.ts';

/** A floor that nobody waits for is raised at most this often. */
const RAISE_MS = 100;
/** How long the database's clock may be reckoned from what it said last. */
const CLOCK_AGE_MS = 2_000;

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
  /** The floor that no crash can take back. */
  #kept = 0n;
  /** The highest floor that was asked for without waiting. */
  #wanted = 0n;
  #raising: NodeJS.Timeout | undefined;
  /** The database's clock (µs since 2020-01-01) when we heard it, and when that was. */
  #clock = { time: 0n, heardAt: -CLOCK_AGE_MS };
  #queue: Promise<void> = Promise.resolve();
  /** Whether other sites need our knowledge vector: with two sites nobody does. */
  readonly #announces: () => boolean;
  readonly #proof: string | undefined;

  /**
   * Connects when it is first needed, and again after the server was gone.
   *
   * @param proof that its announcements are the agent's (src/postgres/known.ts)
   */
  constructor(dsn: string, announces: () => boolean, proof?: string) {
    this.#dsn = dsn;
    this.#announces = announces;
    this.#proof = proof;
  }

  /**
   * Settles when both hold. Must settle before the commit it announces is sent.
   *
   * Changes stamped before the database's present time need no floor for later local writes to be
   * stamped after them, unless its clock is set back; so nobody waits for theirs, it follows soon.
   *
   * @throws the database's error
   */
  announce(news: BeaconNews): Promise<void> {
    const floor = news.maxStamp >> 11n;
    if (!this.#announces()) {
      if (floor <= this.#floor) return Promise.resolve();
      if (floor < this.#now()) {
        this.#raiseSoon(floor);
        return Promise.resolve();
      }
    }
    return this.#enqueue(() => this.#write(floor, news));
  }

  /**
   * Has local writes stamped after a stamp, also after a crash of the server: others reckon with it.
   *
   * @param limit µs since 2020-01-01; no floor is set above it
   * @returns whether the floor is there, or was before
   * @throws the database's error
   */
  async raise(stamp: bigint, limit: bigint): Promise<boolean> {
    const floor = stamp >> 11n;
    if (floor > this.#kept) await this.#enqueue(() => this.#keep(floor, limit));
    return floor <= this.#kept;
  }

  async #keep(floor: bigint, limit: bigint): Promise<void> {
    const client = await this.#session();
    const { rows } = await inTransaction(client, async () => {
      await client.query('SET LOCAL synchronous_commit = on');
      return client.query<{ floor: string }>(
        `SELECT setval('crp.floor', greatest(last_value, $1::bigint))::text AS floor FROM crp.floor`,
        [floor > limit ? 0n : floor],
      );
    });
    this.#kept = BigInt(rows[0]!.floor);
    if (this.#kept > this.#floor) this.#floor = this.#kept;
  }

  #enqueue(work: () => Promise<void>): Promise<void> {
    const next = this.#queue.then(work);
    this.#queue = next.catch(() => undefined);
    return next;
  }

  #raiseSoon(floor: bigint): void {
    if (floor > this.#wanted) this.#wanted = floor;
    this.#raising ??= setTimeout(() => {
      this.#raising = undefined;
      // A failure forgets the clock too: the next announcement waits, and tells its applier.
      this.#enqueue(() => this.#write(this.#wanted, undefined)).catch(() => this.#forget());
    }, RAISE_MS);
  }

  /** The database's clock, or less; 0 when it is too long ago that we heard it. */
  #now(): bigint {
    const age = performance.now() - this.#clock.heardAt;
    return age > CLOCK_AGE_MS ? 0n : this.#clock.time + BigInt(Math.floor(age * 1000));
  }

  async #write(floor: bigint, news: BeaconNews | undefined): Promise<void> {
    const values: unknown[] = [];
    const parts = [`${STAMP_CLOCK} AS clock`];
    if (floor > this.#floor) {
      values.push(floor);
      parts.push(
        `setval('crp.floor', greatest($${values.length}::bigint, (SELECT last_value FROM crp.floor)))`,
      );
    }
    if (news !== undefined && this.#announces()) {
      values.push(knownText(news, this.#proof));
      parts.push(`pg_logical_emit_message(false, '${KNOWN_MESSAGE}', $${values.length}::text)`);
    }
    if (values.length === 0) return;
    const client = await this.#session();
    const { rows } = await client.query<{ clock: string }>(`SELECT ${parts.join(', ')}`, values);
    this.#clock = { time: BigInt(rows[0]!.clock), heardAt: performance.now() };
    if (floor > this.#floor) this.#floor = floor;
  }

  /** A crash of the server can take back the last `setval`, so a new session believes nothing. */
  async #session(): Promise<Client> {
    if (this.#client !== undefined) return this.#client;
    const client = await connect(this.#dsn, 'syncline beacon');
    // In the WAL before the commit is enough: what takes one back in a crash takes the other back too.
    await client.query('SET synchronous_commit = off');
    this.#forget();
    this.#client = client;
    const gone = (): void => {
      if (this.#client === client) this.#client = undefined;
      this.#forget();
    };
    client.once('error', gone);
    client.once('end', gone);
    return client;
  }

  #forget(): void {
    this.#floor = 0n;
    this.#clock = { time: 0n, heardAt: -CLOCK_AGE_MS };
  }

  async close(): Promise<void> {
    clearTimeout(this.#raising);
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
