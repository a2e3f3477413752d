import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { isOrder } from '../../../src/merge/claims.ts';
import type { Entity } from '../../../src/model/ir/ir.ts';
import { tableOf } from '../../../src/sql/names/apply-names.ts';
import { mixedClashModel } from '../../support/mixed-clash-model.ts';
import { startServer } from '../../support/server.ts';
import type { TestServer } from '../../support/server.ts';
import { SteppedGroup } from '../../support/stepped-group.ts';
import type { SteppedSite } from '../../support/stepped-site.ts';

/*
 * Two unique constraints with any two rules, and rows that have each other's values by both: what one constraint decides
 * the other one must not keep out.
 */

const { entities } = mixedClashModel();
/** Those whose rules decide between any rows; with `park` each site may keep another one. */
const decided = entities.filter(({ uniques }) => uniques.every(({ clash }) => clash !== undefined));
let server: TestServer;
let group: SteppedGroup;
let [one, two, three]: SteppedSite[] = [];

before(async () => {
  server = await startServer(18);
  group = await SteppedGroup.open(server, { ...mixedClashModel(), name: 'mixed' });
  [one, two, three] = group.sites;
});

after(async () => {
  await group?.close();
  await server?.remove();
});

test('a row gets another key at each of two sites', async () => {
  await write(entities, one!, insert(1, `'n', 'a'`));
  await group.exchange();
  await write(entities, one!, (table) => `UPDATE ${table} SET id = 2 WHERE id = 1`);
  await write(entities, two!, (table) => `UPDATE ${table} SET id = 7 WHERE id = 1`);
  await meet(entities, 'id IN (2, 7)', 2);
});

test('four rows of three sites, each with a value of another one by either constraint', async () => {
  await write(decided, one!, insert(11, `'x', 'p'`));
  await write(decided, two!, insert(12, `'x', 'q'`));
  await write(decided, three!, insert(13, `'y', 'q'`), insert(14, `'z', 'p'`));
  await meet(decided, 'id > 10', 4);
});

type Statement = (table: string) => string;

function insert(id: number, values: string): Statement {
  return (table) => `INSERT INTO ${table} (id, name, alias, uses) VALUES (${id}, ${values}, 1)`;
}

/** The same in the table of each entity. */
async function write(
  into: readonly Entity[],
  site: SteppedSite,
  ...statements: Statement[]
): Promise<void> {
  for (const entity of into)
    for (const statement of statements) await site.sql.query(statement(tableOf(entity)));
}

/** All sites are equal, no row is lost, and only what an order of rows decides keeps one out of its table. */
async function meet(of: readonly Entity[], which: string, written: number): Promise<void> {
  await group.exchange();
  await group.assertEqual();
  for (const entity of of) {
    const { rows } = await one!.sql.query<{ tabled: number; waiting: number }>(
      `SELECT (SELECT count(*) FROM ${tableOf(entity)} WHERE ${which})::integer AS tabled,
        (SELECT count(*) FROM crp.waiting, jsonb_to_record(key) AS k(id integer)
         WHERE entity = $1 AND ${which})::integer AS waiting`,
      [entity.name],
    );
    const { tabled, waiting } = rows[0]!;
    assert.equal(tabled + waiting, written, entity.name);
    if (!hasOrder(entity)) assert.equal(waiting, 0, entity.name);
  }
}

function hasOrder({ uniques }: Entity): boolean {
  return uniques.some(({ clash }) => isOrder(clash));
}
