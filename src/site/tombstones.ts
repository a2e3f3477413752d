import type { Client } from 'pg';
import type { Entity, Model } from '../model/ir.ts';
import { connect } from '../postgres/connect.ts';
import { useReplicationOrigin } from '../postgres/origin.ts';
import { tombstoneOf } from '../sql/apply-names.ts';
import { Stability } from './stability.ts';
import type { SiteView } from './stability.ts';

/** Rows that one statement deletes. */
const STEP = 10_000;

/**
 * Deletes tombstones that no change can need any more: the greatest stamp that is here is noted, and when
 * everything up to it is stable, all tombstones up to it go. One run at a time, then the next.
 */
export class TombstoneCollector {
  readonly #dsn: string;
  readonly #site: string;
  readonly #entities: Entity[];
  #run: { upTo: bigint; stability: Stability } | undefined;

  constructor(options: { dsn: string; site: string; models: readonly Model[] }) {
    this.#dsn = options.dsn;
    this.#site = options.site;
    this.#entities = options.models.flatMap((model) => model.entities);
  }

  /** True while a run waits for news of the other sites. */
  get waiting(): boolean {
    return this.#run !== undefined;
  }

  /**
   * Takes the run a step further.
   *
   * @param sites every site of the group; undefined when one of them was not heard of
   * @returns number of tombstones deleted
   */
  async advance(client: Client, sites: readonly SiteView[] | undefined): Promise<number> {
    if (sites === undefined) return 0;
    if (this.#run === undefined) {
      const upTo = await this.#greatest(client);
      if (upTo > 0n) this.#run = { upTo, stability: new Stability(sites) };
      return 0;
    }
    const state = this.#run.stability.advance(sites);
    if (state === 'waiting') return 0;
    const { upTo } = this.#run;
    this.#run = undefined;
    return state === 'stable' ? this.#delete(upTo) : 0;
  }

  /** Scans the tombstone tables, which have what was deleted since the last run. */
  async #greatest(client: Client): Promise<bigint> {
    if (this.#entities.length === 0) return 0n;
    const parts = this.#entities.map(
      (entity) => `SELECT max(stamp) AS s FROM ${tombstoneOf(entity)}`,
    );
    const { rows } = await client.query<{ greatest: string | null }>(
      `SELECT max(s) AS greatest FROM (${parts.join(' UNION ALL ')}) AS x`,
    );
    return BigInt(rows[0]!.greatest ?? 0);
  }

  /** Under a replication origin, so that it is not captured: every site does it by itself. */
  async #delete(upTo: bigint): Promise<number> {
    const client = await connect(this.#dsn, 'syncline tombstones');
    let deleted = 0;
    try {
      await useReplicationOrigin(client, `crp_${this.#site}_tombstones`);
      for (const entity of this.#entities) {
        const table = tombstoneOf(entity);
        for (let taken = STEP; taken === STEP; deleted += taken) {
          const result = await client.query(
            `DELETE FROM ${table} WHERE ctid = ANY (ARRAY(SELECT ctid FROM ${table} ` +
              `WHERE stamp <= $1 LIMIT ${STEP}))`,
            [upTo],
          );
          taken = result.rowCount ?? 0;
        }
      }
      return deleted;
    } finally {
      await client.end().catch(() => undefined);
    }
  }
}
