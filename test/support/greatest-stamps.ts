import assert from 'node:assert/strict';
import { BIRTH_COLUMN } from '../../src/model/ir/ir.ts';
import type { Entity } from '../../src/model/ir/ir.ts';
import { columnList, tableOf } from '../../src/sql/names/apply-names.ts';
import type { SteppedSite } from './stepped-site.ts';

/**
 * The greatest stamp that a column group of an incarnation of a row ever had at any site that is not lost. A row that is
 * there in the end has it: a write that all sites forgot is not found by comparing them.
 */
export class Greatest {
  readonly #sites: readonly SteppedSite[];
  /** By site, and by name. */
  readonly #stamps = new Map<number, Map<string, bigint>>();

  constructor(sites: readonly SteppedSite[]) {
    this.#sites = sites;
  }

  /** Notes what is there now. */
  async look(): Promise<void> {
    for (const site of this.#sites) {
      const stamps = this.#stamps.get(site.number) ?? new Map<string, bigint>();
      this.#stamps.set(site.number, stamps);
      for await (const { name, stamp } of stampsOf(site))
        if (stamp > (stamps.get(name) ?? 0n)) stamps.set(name, stamp);
    }
  }

  /** @throws AssertionError that names what is lost, and who had it */
  async check(): Promise<void> {
    const lost: string[] = [];
    for (const site of this.#sites)
      for await (const { name, stamp } of stampsOf(site))
        for (const { number } of this.#sites) {
          const known = this.#stamps.get(number)?.get(name) ?? 0n;
          if (known > stamp)
            lost.push(`${name}: ${stamp} at ${site.number}, ${known} was at ${number}`);
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
