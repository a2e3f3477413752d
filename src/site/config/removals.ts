import type { Client } from 'pg';
import type { Model } from '../../model/ir/ir.ts';
import { MAX_SITE_NUMBER } from './config.ts';

const FLOOR = `SELECT coalesce(pg_sequence_last_value('crp.floor'::regclass), 0)::text AS floor`;
const RAISE = `SELECT setval('crp.stable', greatest($1::bigint, (SELECT last_value FROM crp.stable)))`;

/**
 * Removals from sets whose removals win (docs/convergence.md): looks after `crp.stable`, the stamp up to
 * which they may be forgotten. Of what other sites removed; own removals are forgotten elsewhere, or here
 * when the stamp of a delete or of another site is above them.
 */
export class Removals {
  readonly #wanted: boolean;
  /** The floor when the agent started: a new site's may be above every stamp that was ever written. */
  #first: bigint | undefined;
  #done = 0n;

  constructor(models: readonly Model[]) {
    const groups = models.flatMap((model) => model.entities).flatMap((entity) => entity.groups);
    this.#wanted = groups.some(({ method }) => method === 'remove-wins');
  }

  /**
   * A stamp that no site writes any more once everything that is here is everywhere, and above those that are known to
   * be stable; 0 if there is none. The floor is the time of the greatest stamp from another site, and whoever has that
   * one stamps his own writes with later times: so it counts for stamps of all sites at that time.
   */
  async greatest(client: Client): Promise<bigint> {
    if (!this.#wanted) return 0n;
    const { rows } = await client.query<{ floor: string }>(FLOOR);
    const floor = BigInt(rows[0]!.floor);
    this.#first ??= floor;
    const stamp = (floor << 11n) | BigInt(MAX_SITE_NUMBER);
    return floor > this.#first && stamp > this.#done ? stamp : 0n;
  }

  /** Everything up to the stamp is stable. */
  async forget(client: Client, upTo: bigint): Promise<void> {
    if (!this.#wanted) return;
    await client.query(RAISE, [upTo]);
    if (upTo > this.#done) this.#done = upTo;
  }
}
