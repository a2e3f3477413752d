import type { Client } from 'pg';
import { trimHistory } from '../../apply/history/history-trim.ts';
import type { SiteNames, Stamp } from '../../merge/types.ts';
import type { Entity, Model } from '../../model/ir/ir.ts';
import { connect } from '../../postgres/connect.ts';
import { greatest } from '../../merge/stamps.ts';
import { useReplicationOrigin } from '../../postgres/origin.ts';
import { tombstoneOf } from '../../sql/names/apply-names.ts';
import { historyOf } from '../../sql/ddl/history-ddl.ts';
import { Removals } from '../config/removals.ts';
import type { Follow } from '../members/follow.ts';
import { Stability } from '../members/stability.ts';
import type { SiteView } from '../members/stability.ts';

/** Rows that one statement deletes. */
const STEP = 10_000;

/**
 * Deletes tombstones and recorded changes that no change can need any more: the greatest stamp that is here
 * is noted, and when everything up to it is stable, all of them up to it go, and removals from sets may be
 * forgotten. One run at a time, then the next.
 */
export class TombstoneCollector {
  readonly #dsn: string;
  readonly #site: string;
  readonly #entities: Entity[];
  readonly #names: SiteNames;
  readonly #removals: Removals;
  readonly #follow: Follow;
  #run: { upTo: bigint; removals: bigint; stability: Stability } | undefined;

  /** @param options `names` of all sites, for what has to be replayed */
  constructor(options: {
    dsn: string;
    site: string;
    models: readonly Model[];
    names: SiteNames;
    follow: Follow;
  }) {
    this.#names = options.names;
    this.#follow = options.follow;
    this.#dsn = options.dsn;
    this.#site = options.site;
    this.#entities = options.models.flatMap((model) => model.entities);
    this.#removals = new Removals(options.models);
  }

  /** True while a run waits for news of the other sites. */
  get waiting(): boolean {
    return this.#run !== undefined;
  }

  /** The stamp up to which everything is wanted to be stable; 0n when nothing is waited for. */
  get wanted(): bigint {
    return this.#run === undefined ? 0n : greatest([this.#run.upTo, this.#run.removals]);
  }

  /**
   * Takes the run a step further.
   *
   * @param sites every site of the group; undefined when one of them was not heard of
   * @returns number of tombstones and changes deleted
   */
  async advance(client: Client, sites: readonly SiteView[] | undefined): Promise<number> {
    if (sites === undefined) return 0;
    if (this.#run === undefined) {
      const upTo = await greatestKept(client, this.#entities);
      const removals = await this.#removals.greatest(client);
      const wanted = greatest([upTo, removals]);
      if (wanted > 0n && (await this.#follow(wanted))) {
        this.#run = { upTo, removals, stability: new Stability(sites) };
      }
      return 0;
    }
    const state = this.#run.stability.advance(sites);
    if (state === 'waiting') return 0;
    const { upTo, removals } = this.#run;
    this.#run = undefined;
    if (state !== 'stable') return 0;
    await this.#removals.forget(client, greatest([upTo, removals]));
    return upTo > 0n ? this.#delete(upTo) : 0;
  }

  /** Under a replication origin, so that it is not captured: every site does it by itself. */
  async #delete(upTo: bigint): Promise<number> {
    const client = await connect(this.#dsn, 'syncline tombstones');
    try {
      await useReplicationOrigin(client, `crp_${this.#site}_tombstones`);
      return await deleteKept(client, this.#entities, { stable: upTo, names: this.#names });
    } finally {
      await client.end().catch(() => undefined);
    }
  }
}

/** The greatest stamp in tombstone and history tables, which have what was written since the last run; 0n of none. */
export async function greatestKept(client: Client, entities: readonly Entity[]): Promise<bigint> {
  if (entities.length === 0) return 0n;
  const parts = entities.flatMap((entity) => [
    `SELECT max(stamp) AS s FROM ${tombstoneOf(entity)}`,
    ...(entity.history === undefined
      ? []
      : [`SELECT max(_crp_stamp) FROM ${historyOf(entity)} WHERE NOT _crp_base`]),
  ]);
  const { rows } = await client.query<{ greatest: string | null }>(
    `SELECT max(s) AS greatest FROM (${parts.join(' UNION ALL ')}) AS x`,
  );
  return BigInt(rows[0]!.greatest ?? 0);
}

/**
 * Deletes tombstones and recorded changes up to a stamp that is stable.
 *
 * @param client a session under a replication origin: every site does this by itself
 * @returns number of tombstones and changes deleted
 */
export async function deleteKept(
  client: Client,
  entities: readonly Entity[],
  options: { stable: Stamp; names: SiteNames },
): Promise<number> {
  let deleted = 0;
  for (const entity of entities) {
    const table = tombstoneOf(entity);
    for (let taken = STEP; taken === STEP; deleted += taken) {
      const result = await client.query(
        `DELETE FROM ${table} WHERE ctid = ANY (ARRAY(SELECT ctid FROM ${table} ` +
          `WHERE stamp <= $1 LIMIT ${STEP}))`,
        [options.stable],
      );
      taken = result.rowCount ?? 0;
    }
    deleted += await trimHistory(client, entity, options);
  }
  return deleted;
}
