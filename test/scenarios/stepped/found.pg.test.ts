import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { clashModel } from '../../support/clash-model.ts';
import { shiftStamps } from '../../support/clock.ts';
import { startServer } from '../../support/server.ts';
import type { TestServer } from '../../support/server.ts';
import { SteppedGroup } from '../../support/stepped-group.ts';
import type { SteppedSite } from '../../support/stepped-site.ts';

/*
 * What drawn writes found (convergence.property.pg.test.ts), each by itself.
 */

let server: TestServer;
let group: SteppedGroup;
let [one, two, three]: SteppedSite[] = [];

before(async () => {
  server = await startServer(18);
  group = await SteppedGroup.open(server, { ...clashModel(), name: 'found' });
  [one, two, three] = group.sites;
});

after(async () => {
  await group?.close();
  await server?.remove();
});

async function rowsOf(site: SteppedSite, query: string): Promise<string> {
  const { rows } = await site.sql.query<unknown[]>({ text: query, rowMode: 'array' });
  return rows.map((row) => row.join(' ')).join(', ');
}

test('of many rows of a first transaction one clashes: it alone is left to merge', async () => {
  await one!.sql.query(
    `INSERT INTO test.earliest (id, name, uses) SELECT g, 'a' || g, 0 FROM generate_series(1, 300) AS g`,
  );
  await group.exchange();
  await one!.sql.query(`UPDATE test.earliest SET name = 'same' WHERE id = 150`);
  // For what the second site sends nothing is staged yet at the first.
  await two!.sql.query(
    `UPDATE test.earliest SET name = CASE id WHEN 151 THEN 'same' ELSE 'b' || id END`,
  );
  await group.exchange();
  await group.assertEqual();
  const same = await rowsOf(two!, `SELECT count(*) FROM test.earliest WHERE name = 'same'`);
  assert.equal(same, '1');
});

test('a parent is changed at two sites, then deleted, and its child needs it back', async () => {
  await one!.sql.query(`INSERT INTO test.parent (id, note) VALUES (1, 'a'), (2, 'b')`);
  await group.exchange();
  await one!.sql.query(`UPDATE test.parent SET note = 'one'`);
  await two!.sql.query(`UPDATE test.parent SET note = 'two'`);
  await group.exchange();
  await one!.sql.query('DELETE FROM test.parent WHERE id = 1');
  await two!.sql.query('INSERT INTO test.child_restore (id, of) VALUES (1, 1)');
  await group.exchange();
  await group.assertEqual();
  assert.equal(await rowsOf(one!, 'SELECT id FROM test.parent ORDER BY id'), '1, 2');
});

test('a parent comes back as its delete found it, also where earlier changes came with the delete', async () => {
  await one!.sql.query(`INSERT INTO test.parent (id, note) VALUES (11, 'a')`);
  await group.exchange();
  await two!.sql.query('INSERT INTO test.child_restore (id, of) VALUES (11, 11)');
  await two!.capture();
  await one!.sql.query(`UPDATE test.parent SET note = 'b' WHERE id = 11`);
  await one!.capture();
  // The third site applies them one by one, the second both in one transaction.
  await three!.apply(one!, 1);
  await one!.sql.query('DELETE FROM test.parent WHERE id = 11');
  await group.exchange();
  await group.assertEqual();
  assert.equal(await rowsOf(three!, 'SELECT note FROM test.parent WHERE id = 11'), 'b');
});

test('a row that waits comes as another site made it fit: what is added to it counts', async () => {
  await one!.sql.query(`INSERT INTO test.append_site (id, name, uses) VALUES (3, 'one', 1)`);
  await three!.sql.query(`INSERT INTO test.append_site (id, name, uses) VALUES (4, 'one', 9)`);
  for (const site of group.sites) await site.capture();
  for (const from of [one!, three!]) await two!.apply(from, 1);
  await two!.settle();
  await two!.capture();
  // Here it waits, and has been settled by nobody.
  await one!.apply(three!, 1);
  await one!.apply(two!, 1);
  await one!.sql.query('UPDATE test.append_site SET uses = uses - 2 WHERE id = 4');
  await group.exchange();
  await group.assertEqual();
  const fourth = await rowsOf(three!, 'SELECT name, uses FROM test.append_site WHERE id = 4');
  assert.equal(fourth, 'one@site3 7');
});

test('what is added to a row after its name gave way counts, where both come together', async () => {
  await one!.sql.query(`INSERT INTO test.append_site (id, name, uses) VALUES (1, 'same', 1)`);
  await two!.sql.query(`INSERT INTO test.append_site (id, name, uses) VALUES (2, 'same', 1)`);
  for (const site of [one!, two!]) await site.capture();
  await one!.apply(two!, 1);
  await one!.settle();
  assert.equal(await rowsOf(one!, 'SELECT name FROM test.append_site WHERE id = 2'), 'same@site2');
  await one!.sql.query('UPDATE test.append_site SET uses = uses + 5 WHERE id = 2');
  await group.exchange();
  await group.assertEqual();
  assert.equal(await rowsOf(three!, 'SELECT uses FROM test.append_site WHERE id = 2'), '6');
});

test('a row whose key was freed by a row that had to wait is the later one, though the clock was set back', async () => {
  await one!.sql.query(`INSERT INTO test.earliest (id, name, uses) VALUES (1001, 'freed', 0)`);
  await shiftStamps(two!.dsn, 60_000);
  await two!.sql.query(`INSERT INTO test.earliest (id, name, uses) VALUES (1002, 'freed', 0)`);
  for (const site of group.sites) await site.capture();
  await three!.apply(two!, 1000);
  await two!.apply(one!, 1000);
  await two!.settle();
  await shiftStamps(two!.dsn, 0);
  // Its key is free here.
  await two!.sql.query(`INSERT INTO test.earliest (id, name, uses) VALUES (1002, 'later', 0)`);
  await group.exchange();
  await group.assertEqual();
  assert.equal(await rowsOf(three!, 'SELECT name FROM test.earliest WHERE id = 1002'), 'later');
});
