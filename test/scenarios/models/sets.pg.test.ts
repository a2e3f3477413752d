import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { digests } from '../../../src/repair/digest.ts';
import { eventually, TestSite } from '../../support/pair.ts';
import { startServer } from '../../support/server.ts';
import type { TestServer } from '../../support/server.ts';
import { setsModel } from '../../support/sets-model.ts';

const MODEL = setsModel();
let server: TestServer;
let a: TestSite;
let b: TestSite;

before(async () => {
  server = await startServer(18);
  a = await TestSite.create(1, await server.createDatabase('sets_a'), MODEL);
  b = await TestSite.create(2, await server.createDatabase('sets_b'), MODEL);
  await connected();
});

after(async () => {
  await a?.remove();
  await b?.remove();
  await server?.remove();
});

async function connected(): Promise<void> {
  await a.start(b, MODEL);
  await b.start(a, MODEL);
}

async function cut(): Promise<void> {
  await a.stop();
  await b.stop();
}

async function row(site: TestSite, id: number): Promise<string | undefined> {
  const { rows } = await site.sql.query<{ v: string }>(
    `SELECT concat_ws(' ', name, alias, role, port, address, photo, proxy) AS v
      FROM test.account WHERE id = $1`,
    [id],
  );
  return rows[0]?.v;
}

/** Both sites have the row, and the same bytes with all tags and stamps. */
async function both(id: number, wanted: string): Promise<void> {
  let found: unknown;
  await eventually(`both sites have ${wanted}`, async () => {
    found = [await row(a, id), await row(b, id)];
    return (await row(a, id)) === wanted && (await row(b, id)) === wanted;
  }).catch((error: unknown) => {
    throw new Error(`${JSON.stringify(found)}`, { cause: error });
  });
  const [one, other] = await Promise.all([a, b].map((site) => digests(site.sql, [MODEL])));
  assert.deepEqual(one, other);
}

const write = (site: TestSite, set: string, id: number): Promise<unknown> =>
  site.sql.query(`UPDATE test.account SET ${set} WHERE id = ${id}`);

async function records(site: TestSite): Promise<string[]> {
  const { rows } = await site.sql.query<{ v: string }>(
    `SELECT concat_ws(' ', column_group, method, winner, reason) AS v FROM crp.conflict
      WHERE column_group IS NOT NULL ORDER BY id`,
  );
  return rows.map(({ v }) => v);
}

test('a set that one site changes goes the set-based way, with all its tags', async () => {
  await a.sql.query(
    `INSERT INTO test.account (id, name, alias, role, port, address, photo)
      VALUES (1, 'n', '{b,a}', '{x,y}', '{10,9}', '{00:0c:01:02:03:04}', ARRAY['\\x00ff'::bytea])`,
  );
  await both(1, `n {a,b} {x,y} {9,10} {00:0c:01:02:03:04} {"\\\\x00ff"}`);
  await write(a, `alias = '{a,c}', port = '{11,9}', proxy = '{p}'`, 1);
  await both(1, `n {a,c} {x,y} {9,11} {00:0c:01:02:03:04} {"\\\\x00ff"} {p}`);
  await write(b, `role = '{y,z}', address = '{}', photo = '{}', proxy = NULL`, 1);
  await both(1, 'n {a,c} {y,z} {9,11} {} {}');
  for (const site of [a, b]) {
    // The row-wise path makes a staging table when it is first used.
    const slow = await site.sql.query(`SELECT FROM pg_class WHERE relname LIKE 'crp\\_slow%'`);
    assert.equal(slow.rowCount, 0);
  }
});

test('what two sites add and remove without each other adds up', async () => {
  await cut();
  await write(a, `alias = '{a,c,d}', role = '{y}', port = '{9}', name = 'A'`, 1);
  await write(b, `alias = '{c,e}', role = '{y,z,w}', port = '{9,11,5}'`, 1);
  await connected();
  await both(1, 'A {c,d,e} {w,y} {5,9} {} {}');
  assert.deepEqual([...(await records(a)), ...(await records(b))], [], 'nobody lost anything');
});

test('an element added and removed at once: each method has its winner, and a record names it', async () => {
  await a.sql.query(`INSERT INTO test.account (id, alias, role) VALUES (2, '{k}', '{k}')`);
  await both(2, '{k} {k} {} {} {}');
  await cut();
  await write(a, `alias = '{}', role = '{}'`, 2);
  await write(b, `alias = '{}', role = '{}'`, 2);
  await write(b, `alias = '{k}', role = '{k}'`, 2);
  await connected();
  await both(2, '{k} {} {} {} {}');
  const said = [...(await records(a)), ...(await records(b))].join('\n');
  assert.match(said, /alias add-wins .* added at one site and removed at another, they stay: k/);
  assert.match(said, /role remove-wins .* they are gone: k/);
  await write(a, `role = '{k}'`, 2);
  await both(2, '{k} {k} {} {} {}');
  const { rows } = await b.sql.query(
    `SELECT _crp_role_tags AS tags FROM test.account WHERE id = 2`,
  );
  assert.match(JSON.stringify(rows), /^\[{"tags":\["\+\d+ k"\]}\]$/, 'no removal is left');
});

test('a key inserted at two sites: the later insert is the row, and its sets go on', async () => {
  await cut();
  await a.sql.query(`INSERT INTO test.account (id, alias) VALUES (3, '{early}')`);
  await write(a, `alias = alias || '{more}'`, 3);
  await b.sql.query(`INSERT INTO test.account (id, alias) VALUES (3, '{late}')`);
  await connected();
  await both(3, '{late} {} {} {} {}');
  await write(a, `alias = alias || '{early}'`, 3);
  await both(3, '{early,late} {} {} {} {}');
  await a.sql.query('DELETE FROM test.account WHERE id = 3');
  await a.sql.query(`INSERT INTO test.account (id, alias) VALUES (3, '{new}')`);
  await both(3, '{new} {} {} {} {}');
});

test('sets of thousands of values, kept out of line, are merged value by value', async () => {
  await a.sql.query(
    `INSERT INTO test.account (id, alias) SELECT 4, array_agg(md5(n::text)) FROM generate_series(1, 3000) AS n`,
  );
  const counts = (count: number): Promise<void> =>
    eventually(`${count} values at both`, async () => {
      const found = await Promise.all(
        [a, b].map((site) =>
          site.sql.query<{ n: number }>(
            'SELECT cardinality(alias) AS n FROM test.account WHERE id = 4',
          ),
        ),
      );
      return found.every(({ rows }) => rows[0]?.n === count);
    });
  await counts(3000);
  await write(b, `name = 'long'`, 4);
  await counts(3000);
  await cut();
  await write(a, `alias = array_remove(alias, md5('7')), name = 'a'`, 4);
  await write(b, `alias = array_remove(alias, md5('8')) || '{one,two}'`, 4);
  await write(b, `name = 'b'`, 4);
  await connected();
  await counts(3000);
  // The names are in transactions of their own, which may come after the sets.
  await eventually('the sites are equal', async () => {
    const [one, other] = await Promise.all([a, b].map((site) => digests(site.sql, [MODEL])));
    return isDeepStrictEqual(one, other);
  });
});

test('many rows whose sets both sites change end equal', async () => {
  await a.sql.query(
    `INSERT INTO test.account (id, alias, role) SELECT n, '{s}', '{s}' FROM generate_series(100, 699) AS n`,
  );
  await eventually('the rows are there', async () => (await row(b, 699)) !== undefined);
  await cut();
  await a.sql.query(`UPDATE test.account SET alias = alias || '{a}', role = '{}' WHERE id >= 100`);
  await b.sql.query(
    `UPDATE test.account SET alias = alias || '{b}', role = role || '{b}' WHERE id >= 100 AND id % 2 = 0`,
  );
  await connected();
  await both(698, '{a,b,s} {b} {} {} {}');
  await both(699, '{a,s} {} {} {} {}');
});
