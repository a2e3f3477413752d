import assert from 'node:assert/strict';
import { BIRTH_COLUMN } from '../../src/model/ir.ts';
import type { Entity } from '../../src/model/ir.ts';
import { columnList, tableOf } from '../../src/sql/apply-names.ts';
import type { SteppedSite } from './stepped-site.ts';

/**
 * The greatest stamp that a column group of an incarnation of a row ever had at any site. A row that is there in the
 * end has it: a write that all sites forgot is not found by comparing them.
 */
export class Greatest {
  readonly #sites: readonly SteppedSite[];
  readonly #stamps = new Map<string, { stamp: bigint; site: number }>();

  constructor(sites: readonly SteppedSite[]) {
    this.#sites = sites;
  }

  /** Notes what is there now. */
  async look(): Promise<void> {
    for (const site of this.#sites)
      for await (const { name, stamp } of stampsOf(site))
        if (stamp > (this.#stamps.get(name)?.stamp ?? 0n))
          this.#stamps.set(name, { stamp, site: site.number });
  }

  /** @throws AssertionError that names what is lost, and who had it */
  async check(): Promise<void> {
    const lost: string[] = [];
    for (const site of this.#sites)
      for await (const { name, stamp } of stampsOf(site)) {
        const known = this.#stamps.get(name);
        if (known !== undefined && known.stamp > stamp)
          lost.push(`${name}: ${stamp} at ${site.number}, ${known.stamp} was at ${known.site}`);
      }
    assert.deepEqual(lost, []);
  }
}

async function* stampsOf(site: SteppedSite): AsyncGenerator<{ name: string; stamp: bigint }> {
  for (const entity of site.entities.filter(({ history }) => history === undefined)) {
    const { rows } = await site.sql.query<string[]>({ text: query(entity), rowMode: 'array' });
    for (const [row, ...stamps] of rows)
      for (const [at, { name }] of entity.groups.entries())
        yield { name: `${entity.name} ${row} ${name}`, stamp: BigInt(stamps[at]!) };
  }
}

function query(entity: Entity): string {
  const stamps = entity.groups.map(({ stamp }) => stamp);
  const row = `concat_ws(' ', ${columnList([...entity.key, BIRTH_COLUMN])})`;
  return `SELECT ${row}, ${columnList(stamps)} FROM ${tableOf(entity)}`;
}
