import assert from 'node:assert/strict';
import { isDeepStrictEqual } from 'node:util';
import type { Client } from 'pg';
import type { Entity, Model } from '../../src/model/ir/ir.ts';
import { digests } from '../../src/repair/digest.ts';
import { columnList, tableOf } from '../../src/sql/names/apply-names.ts';
import { expiredAt } from '../../src/sql/ddl/expiry-sql.ts';
import { shippedNames } from '../../src/sql/names/shape.ts';
import type { TestServer } from './server.ts';
import { SteppedSite } from './stepped-site.ts';
import type { SteppedBeginning } from './stepped-site.ts';

/** What a site keeps out of its tables, and rows whose references have not got what their rule says. */
const WAITS = `SELECT to_jsonb(w)::text AS row FROM crp.waiting AS w
  UNION ALL SELECT to_jsonb(o)::text FROM crp.orphan AS o`;

/** Sites of a model, at first three, on one server or on several in turn. */
export class SteppedGroup {
  /** Those that are there. */
  readonly sites: SteppedSite[] = [];
  /** Those that are lost for good. */
  readonly lost: SteppedSite[] = [];
  readonly model: Model;
  readonly #servers: readonly TestServer[];
  readonly #first: string | undefined;

  private constructor(servers: readonly TestServer[], model: Model, first: string | undefined) {
    this.#servers = servers;
    this.model = model;
    this.#first = first;
  }

  /** @param first SQL before that of the model */
  static async open(
    servers: TestServer | readonly TestServer[],
    model: Model,
    first?: string,
  ): Promise<SteppedGroup> {
    const group = new SteppedGroup([servers].flat(), model, first);
    const made = await Promise.allSettled([1, 2, 3].map((number) => group.#create(number)));
    for (const one of made) if (one.status === 'fulfilled') group.sites.push(one.value);
    const failed = made.find((one) => one.status === 'rejected');
    if (failed === undefined) return group;
    await group.close();
    throw failed.reason;
  }

  #create(number: number, fill?: SteppedBeginning['fill']): Promise<SteppedSite> {
    const server = this.#servers[number % this.#servers.length]!;
    const beginning = { model: this.model, first: this.#first, ...(fill && { fill }) };
    return SteppedSite.create(server, number, beginning);
  }

  /** All that ever were members. */
  get members(): SteppedSite[] {
    return [...this.sites, ...this.lost];
  }

  /** Adds the next site, whose tables are filled as given. */
  async add(fill: (client: Client) => Promise<void>): Promise<SteppedSite> {
    const site = await this.#create(this.members.length + 1, fill);
    this.sites.push(site);
    return site;
  }

  /** From now on there is of a site what others have of it. */
  lose(site: SteppedSite): void {
    this.sites.splice(this.sites.indexOf(site), 1);
    this.lost.push(site);
    site.journal.lost = true;
  }

  /** Everybody gets everything, also what any has of a site that is lost, and settles what can be settled. */
  async exchange(): Promise<void> {
    for (let moved = true; moved;) {
      moved = false;
      for (const site of this.sites) if ((await site.settle()) > 0) moved = true;
      for (const site of this.sites) await site.capture();
      for (const to of this.sites)
        for (const from of this.members) {
          if (from.journal.lost)
            for (const via of this.sites) to.journal.pull(from.journal, Infinity, via.journal);
          if (to !== from && (await to.apply(from, 1000)) > 0) moved = true;
        }
    }
  }

  /** @param entities what all sites have, where they have different revisions */
  async assertEqual(when = 'in the end', entities = this.model.entities): Promise<void> {
    const model = { ...this.model, entities };
    const [first, ...others] = await Promise.all(
      this.sites.map(({ sql }) => digests(sql, [model])),
    );
    if (!others.every((other) => isDeepStrictEqual(other, first)))
      assert.fail(`${when}\n${await this.#differences(model)}`);
    assert.ok(first!.some(({ rows }) => rows > 0));
  }

  /**
   * While some sites have removed rows whose time is over they differ by the absence of those only: who has one has the
   * same. Where such a row has a name that a later one claims, that one waits meanwhile.
   */
  async assertEqualMeanwhile(when: string): Promise<void> {
    const mayWait = this.#expiring().filter(({ uniques }) => uniques.length > 0);
    const others = this.model.entities.filter((entity) => !mayWait.includes(entity));
    await this.assertEqual(when, others);
    for (const entity of this.#expiring()) {
      const rows = await this.#rows(entity);
      const keys = rows.map((row) => JSON.stringify(entity.key.map((name) => row[name])));
      const texts = new Map(rows.map((row, place) => [JSON.stringify(row), keys[place]]));
      assert.equal(
        texts.size,
        new Set(keys).size,
        `${entity.name} ${when}: ${[...texts.keys()].join('\n')}`,
      );
    }
  }

  /** That no site has a row any more whose time is over. */
  async assertNoneOver(): Promise<void> {
    for (const entity of this.#expiring()) {
      const over = expiredAt(entity, 'e', 'now()');
      assert.deepEqual(await this.#rows(entity, over), [], entity.name);
    }
  }

  #expiring(): Entity[] {
    return this.model.entities.filter(({ expires }) => expires !== undefined);
  }

  /** The rows of all sites. */
  async #rows(entity: Entity, where = 'true'): Promise<Record<string, unknown>[]> {
    const query = `SELECT ${columnList(shippedNames(entity))} FROM ${tableOf(entity)} AS e WHERE ${where}`;
    const all = this.sites.map(({ sql }) => sql.query<Record<string, unknown>>(query));
    return (await Promise.all(all)).flatMap(({ rows }) => rows);
  }

  /** Rows that not all sites have, as they are where they are. */
  async #differences(model: Model): Promise<string> {
    const lines = new Map<string, number[]>();
    for (const { number, sql } of this.sites)
      for (const entity of model.entities) {
        const { rows } = await sql.query<{ row: string }>(
          `SELECT to_json(e)::text AS row FROM (SELECT ${columnList(shippedNames(entity))} FROM ${tableOf(entity)}) AS e`,
        );
        for (const { row } of rows) {
          const line = `${entity.name} ${row}`;
          lines.set(line, [...(lines.get(line) ?? []), number]);
        }
      }
    for (const { number, sql } of this.sites) {
      const { rows } = await sql.query<{ row: string }>(WAITS);
      for (const { row } of rows) lines.set(`waits at ${number}: ${row}`, [number]);
    }
    const odd = [...lines].filter(([, numbers]) => numbers.length < this.sites.length);
    return odd
      .map(([line, numbers]) => `${line} at ${numbers.join()}`)
      .toSorted()
      .join('\n');
  }

  async close(): Promise<void> {
    await Promise.all(this.members.map((site) => site.close()));
  }
}
