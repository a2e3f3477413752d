import type { Client } from 'pg';
import { originsBeside } from '../../apply/session.ts';
import { isInUse } from '../../postgres/connect.ts';

/**
 * Before PostgreSQL 16 capture tells what apply wrote by the origin's name too, also in WAL that it has not read yet. Sites
 * of earlier versions have no right to it (docs/operating/roles.md).
 */
const MAY_DROP = `SELECT current_setting('server_version_num')::integer >= 160000
  AND has_function_privilege('pg_catalog.pg_replication_origin_drop(text)', 'EXECUTE') AS may`;
const DROP = `SELECT pg_replication_origin_drop(roname) FROM pg_replication_origin WHERE roname = ANY ($1)`;

/**
 * Drops the replication origins of sites that have left: each takes one of the server's places, of which there are few, as
 * long as it is there. A group that sites join and leave would use them up, and then no site could be applied any more.
 */
export class LeftOrigins {
  readonly #site: string;
  readonly #dropped = new Set<number>();
  /** The right is given while the agent is down. */
  #may: boolean | undefined;

  /** @param site this one's name, which the names of its origins begin with */
  constructor(site: string) {
    this.#site = site;
  }

  /**
   * Does nothing with those of an earlier call, nor where the agent may not. One that is in use is tried again with the
   * next call.
   *
   * @param settled numbers of sites that have left, and of which nothing has to be applied any more
   */
  async drop(client: Client, settled: readonly number[]): Promise<void> {
    const left = settled.filter((number) => !this.#dropped.has(number));
    if (left.length === 0) return;
    this.#may ??= (await client.query<{ may: boolean }>(MAY_DROP)).rows[0]!.may;
    if (!this.#may) return;
    for (const number of left) {
      const name = `crp_${this.#site}_${number}`;
      try {
        await client.query(DROP, [[name, ...Object.values(originsBeside(name))]]);
        this.#dropped.add(number);
      } catch (error) {
        if (!isInUse(error)) throw error;
      }
    }
  }
}
