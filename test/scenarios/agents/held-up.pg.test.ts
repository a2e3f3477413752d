import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { silentLog } from '../../../src/base/log.ts';
import { importTables } from '../../../src/model/import/import-tables.ts';
import type { Model } from '../../../src/model/ir/ir.ts';
import { connect, withConnection } from '../../../src/postgres/connect.ts';
import { digests } from '../../../src/repair/digest.ts';
import { TableCheck } from '../../../src/site/database/table-check.ts';
import { readTables } from '../../../src/sql/tables/read-tables.ts';
import { LiveSite } from '../../support/live-site.ts';
import { compileTexts } from '../../support/model-text.ts';
import { eventually } from '../../support/pair.ts';
import { startServer } from '../../support/server.ts';
import type { TestServer } from '../../support/server.ts';

/* What a site cannot hold, or cannot tell, holds up nothing else: keys as long as an index takes, labels of an enum, NOTIFY. */

const TABLES = `
  CREATE TYPE mood AS ENUM ('fine', 'bad');
  CREATE DOMAIN feeling AS mood;
  CREATE TABLE doc (path text PRIMARY KEY, name text UNIQUE, v integer, mood mood, moods mood[], felt feeling);
  CREATE TABLE part (path text, n integer, doc text REFERENCES doc, PRIMARY KEY (path, n));
  CREATE TABLE past (path text PRIMARY KEY, name text UNIQUE, v integer, mood mood);`;
const TOLD = 'doc_applied';

/** SQL of a text that cannot be compressed. */
const random = (bytes: number): string =>
  `(SELECT left(string_agg(encode(sha256(g::text::bytea), 'base64'), '' ORDER BY g), ${bytes})
    FROM generate_series(1, 100) AS g)`;
/** The longest that an index takes, with a history's stamp beside it, and with a number; and one that is compressed. */
const LONG = {
  doc: random(2692),
  past: random(2684),
  part: random(2688),
  packed: `repeat('ab', 100000)`,
};

let server: TestServer;
let one: LiveSite;
let two: LiveSite;
let model: Model;

before(async () => {
  server = await startServer(18, { max_notify_queue_pages: '64' });
  model = await withConnection(await server.createDatabase('shape'), 'test', async (client) => {
    await client.query(TABLES);
    const tables = await readTables(client, { schema: 'public' });
    const names = { module: 'held', service: 'held', revision: '2026-11-29' };
    const text = importTables(tables, names)
      .replace('crp:entity "doc" {', `crp:entity "doc" { crp:after-apply "${TOLD}";`)
      .replace('crp:entity "past" {', 'crp:entity "past" { crp:resolve "crp:discard";')
      .replace('crp:on-orphan "keep"', 'crp:on-orphan "park"');
    const { models, diagnostics } = compileTexts(text);
    assert.equal(models.length, 1, JSON.stringify(diagnostics));
    return models[0]!;
  });
  one = await LiveSite.make(server, 'one', { tables: TABLES, model });
  two = await LiveSite.make(server, 'two', { tables: TABLES, first: one });
});

after(async () => {
  await one?.remove();
  await two?.remove();
  await server?.remove();
});

async function equal(): Promise<void> {
  await eventually('the sites are equal', async () => {
    const [here, there] = [await digests(one.sql, [model]), await digests(two.sql, [model])];
    return JSON.stringify(here) === JSON.stringify(there);
  });
}

/** Writes at each site without knowledge of the other one. */
async function apart(ofOne: string, ofTwo: string): Promise<void> {
  for (const { site } of [one, two]) site.proxy.set('cut');
  await one.sql.query(ofOne);
  await two.sql.query(ofTwo);
  for (const { site } of [one, two]) site.proxy.set('open');
}

/** Waits until so many rows wait at the two sites. */
async function wait(atOne: number, atTwo: number): Promise<void> {
  const count = 'SELECT count(*) FROM crp.waiting';
  await eventually(`${atOne} and ${atTwo} rows wait`, async () => {
    return (await one.number(count)) === atOne && (await two.number(count)) === atTwo;
  });
}

/** What a look at the tables of a site finds, with the agent's rights. */
function problems({ site }: LiveSite): Promise<string[]> {
  return withConnection(site.config.database.url, 'test', async (client) => {
    const check = new TableCheck({ models: [model], site: 2, log: silentLog() });
    await check.look(client);
    return check.problems().map(({ message }) => message);
  });
}

test('keys as long as an index takes are changed, deleted, wait and come in as others do', async () => {
  const both = (sql: (table: string, key: string) => string): string =>
    `${sql('doc', LONG.doc)}; ${sql('past', LONG.past)}; ${sql('doc', LONG.packed)}`;
  const insert = both((table, key) => `INSERT INTO ${table} (path, v) VALUES (${key}, 1)`);
  const update = (v: number): string =>
    both((table, key) => `UPDATE ${table} SET v = ${v} WHERE path = ${key}`);
  await one.sql.query(insert);
  await equal();
  await apart(update(3), update(4));
  await equal();
  const conflicts = `SELECT count(DISTINCT key) FROM crp.conflict WHERE type = 'update'`;
  assert.ok((await one.number(conflicts)) + (await two.number(conflicts)) >= 3);
  // Twice: the second time the tombstone is there already.
  await one.sql.query(
    `DELETE FROM doc; DELETE FROM past; ${insert}; DELETE FROM doc; DELETE FROM past`,
  );
  await equal();
  for (const { tombstone } of model.entities) {
    const rows = `SELECT * FROM crp."${tombstone}" ORDER BY path`;
    assert.deepEqual((await two.sql.query(rows)).rows, (await one.sql.query(rows)).rows);
  }

  await apart(
    both((table, key) => `INSERT INTO ${table} (path, name) VALUES (${key}, left(${key}, 5))`),
    both(
      (table, key) => `INSERT INTO ${table} (path, name) VALUES (left(${key}, 9), left(${key}, 5))`,
    ),
  );
  await wait(3, 3);
  await one.sql.query(update(5));
  const newest = `SELECT count(*) FROM crp.waiting WHERE row ->> 'v' = '5'`;
  await eventually('what waits is newer', async () => (await two.number(newest)) === 3);
  await two.sql.query(
    'DELETE FROM doc WHERE length(path) = 9; DELETE FROM past WHERE length(path) = 9',
  );
  await equal();
  await wait(0, 0);

  await apart(
    'DELETE FROM doc WHERE length(path) > 9999',
    `INSERT INTO part VALUES (${LONG.part}, 1, ${LONG.packed})`,
  );
  await wait(1, 1);
  await one.sql.query(`INSERT INTO doc (path) VALUES (${LONG.packed})`);
  await wait(0, 0);
  for (const site of [one, two]) {
    assert.equal(await site.number('SELECT count(*) FROM part'), 1);
    assert.equal(await site.number(`SELECT count(*) FROM crp.conflict WHERE status = 'parked'`), 0);
  }
});

test('rows with a label that an enum lacks at one site wait there, and come in when it has it', async () => {
  await two.sql.query(`INSERT INTO past (path, mood) VALUES ('changed', 'fine')`);
  await equal();
  await one.sql.query(`ALTER TYPE mood ADD VALUE 'it''s'`);
  await one.sql.query(`BEGIN;
    INSERT INTO doc (path, mood, moods, felt) VALUES ('plain', 'it''s', NULL, NULL),
      ('array', NULL, '{fine,it''s}', NULL), ('domain', NULL, NULL, 'it''s');
    INSERT INTO doc (path, mood) SELECT g, CASE WHEN g = 200 THEN 'it''s' ELSE 'bad' END::mood FROM generate_series(1, 300) AS g;
    UPDATE past SET mood = 'it''s' WHERE path = 'changed'; COMMIT`);
  await wait(0, 5);
  assert.equal(await two.number('SELECT count(*) FROM doc WHERE mood IS NOT NULL'), 299);
  await one.sql.query(
    `UPDATE doc SET v = 6 WHERE path = 'plain'; DELETE FROM doc WHERE path = '200'`,
  );
  await wait(0, 4);
  const said = ['doc', 'past'].map(
    (table) =>
      `rows of table "public.${table}" wait for the value 'it''s' of type mood, which other sites have and this one has not: ` +
      `ALTER TYPE mood ADD VALUE 'it''s'`,
  );
  assert.deepEqual(await problems(two), said);
  await two.sql.query(`ALTER TYPE mood ADD VALUE 'it''s'`);
  await equal();
  await wait(0, 0);
  const { rows } = await two.sql.query(`SELECT path, v FROM doc WHERE mood = 'it''s'
    UNION ALL SELECT path, v FROM past WHERE mood = 'it''s'`);
  assert.deepEqual(rows, [
    { path: 'plain', v: 6 },
    { path: 'changed', v: null },
  ]);
});

/** @throws what is another error */
function isFullQueue(error: Error): true {
  assert.match(error.message, /too many notifications/);
  return true;
}

test('apply goes on while the queue of notifications is full, and tells when it has room again', async () => {
  const told: unknown[] = [];
  const program = await connect(two.site.config.database.serviceUrl, 'test');
  const busy = await connect(two.site.config.database.serviceUrl, 'test');
  try {
    program.on('notification', ({ payload }) => told.push(JSON.parse(payload!)));
    await program.query(`LISTEN ${TOLD}`);
    await busy.query('LISTEN busy');
    await busy.query('BEGIN; SELECT 1');
    for (const size of [7_000, 500, 10]) {
      const fill = `SELECT pg_notify('busy', repeat('x', ${size}))`;
      let isFull = false;
      while (!isFull) isFull = await two.sql.query(fill).then(() => false, isFullQueue);
    }
    const before = told.length;
    await one.sql.query(`INSERT INTO doc (path) VALUES ('x'), ('y'), ('z')`);
    await one.sql.query(`DELETE FROM doc WHERE path = 'x'`);
    await equal();
    assert.match(
      (await problems(two)).join(),
      /^half of the queue of notifications is full, since a session/,
    );
    assert.equal(told.length, before);
    await busy.end();
    await eventually('it is told', () => Promise.resolve(told.length > before));
    assert.deepEqual(told.slice(before), [{ entity: 'doc', rows: 4 }]);
  } finally {
    await busy.end().catch(() => undefined);
    await program.end();
  }
});
