import assert from 'node:assert/strict';
import { isDeepStrictEqual } from 'node:util';
import type { Model } from '../../src/model/ir.ts';
import { replicatedColumns } from '../../src/model/replicated.ts';
import { digests } from '../../src/repair/digest.ts';
import { columnList, tableOf } from '../../src/sql/apply-names.ts';
import { hiddenNames } from '../../src/sql/shape.ts';
import type { TestServer } from './server.ts';
import { SteppedSite } from './stepped-site.ts';

/** Three sites of a model on one server. */
export class SteppedGroup {
  readonly sites: SteppedSite[] = [];
  readonly #model: Model;

  private constructor(model: Model) {
    this.#model = model;
  }

  /** @param first SQL before that of the model */
  static async open(server: TestServer, model: Model, first?: string): Promise<SteppedGroup> {
    const group = new SteppedGroup(model);
    const made = await Promise.allSettled(
      [1, 2, 3].map((number) => SteppedSite.create(server, number, { model, first })),
    );
    for (const one of made) if (one.status === 'fulfilled') group.sites.push(one.value);
    const failed = made.find((one) => one.status === 'rejected');
    if (failed === undefined) return group;
    await group.close();
    throw failed.reason;
  }

  /** Everybody gets everything, and settles what can be settled. */
  async exchange(): Promise<void> {
    for (let moved = true; moved;) {
      moved = false;
      for (const site of this.sites) if ((await site.settle()) > 0) moved = true;
      for (const site of this.sites) await site.capture();
      for (const to of this.sites)
        for (const from of this.sites)
          if (to !== from && (await to.apply(from, 1000)) > 0) moved = true;
    }
  }

  /** @param model what all sites have of it, where they have different revisions */
  async assertEqual(when = 'in the end', model = this.#model): Promise<void> {
    const [first, ...others] = await Promise.all(
      this.sites.map(({ sql }) => digests(sql, [model])),
    );
    if (!others.every((other) => isDeepStrictEqual(other, first)))
      assert.fail(`${when}\n${await this.#differences(model)}`);
    assert.ok(first!.some(({ rows }) => rows > 0));
  }

  /** Rows that not all sites have, as they are where they are. */
  async #differences(model: Model): Promise<string> {
    const lines = new Map<string, number[]>();
    for (const { number, sql } of this.sites)
      for (const entity of model.entities) {
        const names = [
          ...replicatedColumns(entity).map(({ name }) => name),
          ...hiddenNames(entity),
        ];
        const { rows } = await sql.query<{ row: string }>(
          `SELECT to_json(e)::text AS row FROM (SELECT ${columnList(names)} FROM ${tableOf(entity)}) AS e`,
        );
        for (const { row } of rows) {
          const line = `${entity.name} ${row}`;
          lines.set(line, [...(lines.get(line) ?? []), number]);
        }
      }
    const odd = [...lines].filter(([, numbers]) => numbers.length < this.sites.length);
    return odd
      .map(([line, numbers]) => `${line} at ${numbers.join()}`)
      .toSorted()
      .join('\n');
  }

  async close(): Promise<void> {
    await Promise.all(this.sites.map((site) => site.close()));
  }
}
