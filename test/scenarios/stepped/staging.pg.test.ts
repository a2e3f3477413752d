import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { digests } from '../../../src/repair/digest.ts';
import { clashModel } from '../../support/clash-model.ts';
import { startServer } from '../../support/server.ts';
import type { TestServer } from '../../support/server.ts';
import { SteppedSite } from '../../support/stepped-site.ts';

/*
 * Staging tables are temporary tables that a session makes when it first needs them; a transaction that is rolled
 * back takes those that it made with it.
 */

const MODEL = clashModel();
let server: TestServer;
let sites: SteppedSite[] = [];
let groups = 0;

before(async () => {
  server = await startServer(18, { max_connections: '200', fsync: 'off' });
});

after(async () => {
  await server?.remove();
});

beforeEach(async () => {
  groups += 1;
  const model = { ...MODEL, name: `staging-${groups}` };
  for (const number of [1, 2, 3])
    sites.push(await SteppedSite.create(server, number, { model, first: 'SELECT' }));
});

afterEach(async () => {
  await Promise.all(sites.map((site) => site.close()));
  sites = [];
});

async function exchange(): Promise<void> {
  for (let moved = true; moved;) {
    moved = false;
    for (const site of sites) if ((await site.settle()) > 0) moved = true;
    for (const site of sites) await site.capture();
    for (const to of sites)
      for (const from of sites) if (to !== from && (await to.apply(from, 1000)) > 0) moved = true;
  }
  const [first, ...others] = await Promise.all(sites.map(({ sql }) => digests(sql, [MODEL])));
  for (const other of others) assert.deepEqual(other, first);
}

test('of many rows of a first transaction one clashes: it alone is left to merge', async () => {
  const [one, two] = sites as [SteppedSite, SteppedSite];
  await one.sql.query(
    `INSERT INTO test.earliest (id, name, uses) SELECT g, 'a' || g, 0 FROM generate_series(1, 300) AS g`,
  );
  await exchange();
  await one.sql.query(`UPDATE test.earliest SET name = 'same' WHERE id = 150`);
  // For what the second site sends nothing is staged yet at the first.
  await two.sql.query(
    `UPDATE test.earliest SET name = CASE id WHEN 151 THEN 'same' ELSE 'b' || id END`,
  );
  await exchange();
  const { rows } = await two.sql.query<{ n: string }>(
    `SELECT count(*) AS n FROM test.earliest WHERE name = 'same'`,
  );
  assert.equal(rows[0]!.n, '1');
});

test('a parent is changed at two sites, then deleted, and its child needs it back', async () => {
  const [one, two] = sites as [SteppedSite, SteppedSite];
  await one.sql.query(`INSERT INTO test.parent (id, note) VALUES (1, 'a'), (2, 'b')`);
  await exchange();
  await one.sql.query(`UPDATE test.parent SET note = 'one'`);
  await two.sql.query(`UPDATE test.parent SET note = 'two'`);
  await exchange();
  await one.sql.query('DELETE FROM test.parent WHERE id = 1');
  await two.sql.query('INSERT INTO test.child_restore (id, of) VALUES (1, 1)');
  await exchange();
  const { rows } = await one.sql.query('SELECT id FROM test.parent ORDER BY id');
  assert.deepEqual(rows, [{ id: 1 }, { id: 2 }]);
});
