import type { Client } from 'pg';
import { haveSameRevisions } from '../../link/models.ts';
import { STAMP_EPOCH_MS } from '../../merge/stamps.ts';
import type { Entity, Expiry, Model } from '../../model/ir/ir.ts';
import { connect } from '../../postgres/connect.ts';
import { useReplicationOrigin } from '../../postgres/origin.ts';
import { removeExpired, soonExpired } from '../../sql/ddl/expiry-sql.ts';
import type { Follow } from '../members/follow.ts';
import { AHEAD_SECONDS, RemovalPlan } from '../members/removal-plan.ts';
import type { SiteView } from '../members/stability.ts';

/** Rows that one statement removes, and statements of one round: the rest waits for the next round. */
const STEP = 10_000;
const MAX_STEPS = 10;
const LOCK_TIMEOUT_MS = 1_000;

type Expiring = Entity & { expires: Expiry };

/**
 * Removes rows whose time is over. It is no delete: no tombstone, no stamp, nothing is shipped; every site does
 * it by itself (docs/convergence.md). Only rows that are stable go (stability.ts): what can still arrive of
 * such a row was made with knowledge of all that is here, so its full image brings the row back as others have it.
 *
 * None goes while sites have different revisions of a model: the image of a site that lacks a column would bring the row
 * back without what the others have in it. What is found stable afterwards has all such images behind it.
 */
export class ExpiredRows {
  readonly #dsn: string;
  readonly #site: string;
  readonly #entities: Expiring[];
  readonly #follow: Follow;
  readonly #plan = new RemovalPlan();
  #session: Client | undefined;

  constructor(options: { dsn: string; site: string; models: readonly Model[]; follow: Follow }) {
    this.#follow = options.follow;
    this.#dsn = options.dsn;
    this.#site = options.site;
    this.#entities = options.models
      .flatMap((model) => model.entities)
      .filter((entity): entity is Expiring => entity.expires !== undefined);
  }

  /** True while it waits for news of the other sites. */
  get waiting(): boolean {
    return this.#plan.waiting;
  }

  /** The stamp up to which everything is wanted to be stable; 0n when nothing is waited for. */
  get wanted(): bigint {
    return this.#plan.wanted;
  }

  /** Up to when everything that was written anywhere is known to be stable; undefined where no rows expire. */
  stableUntil(): string | undefined {
    if (this.#entities.length === 0) return undefined;
    return new Date(Number(this.#plan.stable >> 11n) / 1000 + STAMP_EPOCH_MS).toISOString();
  }

  /**
   * Takes a step towards knowing that what expires soon is stable.
   *
   * @param sites every site of the group; undefined when one of them was not heard of
   */
  async advance(client: Client, sites: readonly SiteView[] | undefined): Promise<void> {
    if (sites === undefined || this.#entities.length === 0) return;
    const plan = this.#plan;
    if (!haveSameRevisions(sites.map(({ models }) => models))) {
      plan.forget();
      return;
    }
    if (plan.waiting) {
      plan.advance(sites);
      return;
    }
    const upTo = await this.#newest(client);
    if (plan.isNews(upTo) && (await this.#follow(upTo))) plan.begin(upTo, sites);
  }

  async #newest(client: Client): Promise<bigint> {
    let greatest = 0n;
    for (const entity of this.#entities) {
      const { rows } = await client.query<{ newest: string | null }>(soonExpired(entity), [
        `${AHEAD_SECONDS} seconds`,
        STEP,
      ]);
      const newest = BigInt(rows[0]!.newest ?? 0);
      if (newest > greatest) greatest = newest;
    }
    return greatest;
  }

  /**
   * Removes what is over and stable; called once a round.
   *
   * @returns number of rows
   */
  async remove(): Promise<number> {
    const plan = this.#plan;
    if (plan.stable === 0n) return 0;
    const session = (this.#session ??= await this.#connect());
    const { rows } = await session.query<{ now: Date }>('SELECT now()');
    const now = rows[0]!.now.getTime();
    const since = plan.since();
    let removed = 0;
    let whole = true;
    for (const entity of this.#entities) {
      let taken = STEP;
      for (let step = 0; taken === STEP && step < MAX_STEPS; step++, removed += taken) {
        const values = [plan.stable, since === undefined ? null : new Date(since), STEP];
        taken = (await session.query(removeExpired(entity), values)).rowCount ?? 0;
      }
      whole &&= taken < STEP;
    }
    plan.looked(now, whole);
    return removed;
  }

  /** Under a replication origin and as a replica: neither captured nor stamped. */
  async #connect(): Promise<Client> {
    const client = await connect(this.#dsn, 'syncline expiry');
    const gone = (): void => {
      if (this.#session === client) this.#session = undefined;
    };
    client.once('error', gone);
    client.once('end', gone);
    try {
      await useReplicationOrigin(client, `crp_${this.#site}_expiry`);
      await client.query(
        `SET session_replication_role = replica; SET lock_timeout = ${LOCK_TIMEOUT_MS}`,
      );
      return client;
    } catch (error) {
      await client.end().catch(() => undefined);
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.#session?.end().catch(() => undefined);
    this.#session = undefined;
  }
}
