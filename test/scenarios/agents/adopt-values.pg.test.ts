import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { importTables } from '../../../src/model/import/import-tables.ts';
import type { Model } from '../../../src/model/ir/ir.ts';
import { withConnection } from '../../../src/postgres/connect.ts';
import { digests } from '../../../src/repair/digest.ts';
import { readTables } from '../../../src/sql/tables/read-tables.ts';
import { LiveSite } from '../../support/live-site.ts';
import { compileTexts } from '../../support/model-text.ts';
import { eventually } from '../../support/pair.ts';
import { hasDebian15, startServer } from '../../support/server.ts';
import type { TestServer } from '../../support/server.ts';

/* What adopted tables of real services hold and do, between version 18 and 15 where it is installed. */

const TABLES = `
  CREATE SCHEMA ext;
  CREATE EXTENSION citext SCHEMA ext;
  CREATE EXTENSION hstore SCHEMA ext;
  CREATE COLLATION folded (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
  CREATE TYPE mood AS ENUM ('fine', 'bad');
  CREATE DOMAIN short AS varchar(40) CHECK (value <> '');
  CREATE TYPE place AS (street text, house integer);
  CREATE TABLE thing (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name short, seat integer, at timestamptz DEFAULT now(),
    client inet, net cidr, mac macaddr, tags text[], doc jsonb, blob bytea, feeling mood, home place,
    price numeric(10,2), span interval, bits varbit, valid tstzrange, code uuid, ratio double precision,
    total numeric GENERATED ALWAYS AS (price * 2) STORED, note text,
    UNIQUE (seat) DEFERRABLE INITIALLY IMMEDIATE);
  ALTER TABLE thing ALTER COLUMN blob SET STORAGE EXTERNAL;
  CREATE TABLE alike (id integer PRIMARY KEY, number numeric, span interval, zero double precision, word ext.citext,
    home place, text text COLLATE folded, doc json, tree xml, spot point, bag ext.hstore);
  CREATE TABLE mailbox (id integer PRIMARY KEY, address ext.citext UNIQUE, alias text COLLATE folded UNIQUE);
  CREATE TABLE pair (a text, b integer, v text, PRIMARY KEY (a, b));
  CREATE DOMAIN amount AS integer NOT NULL CHECK (value >= 0);
  CREATE DOMAIN few AS amount CHECK (value < 100);
  CREATE TABLE strict (id few PRIMARY KEY, n few, span int4range, note text,
    EXCLUDE USING gist (span WITH &&) DEFERRABLE INITIALLY DEFERRED);
  CREATE TABLE "Rows of ann's %s" ("Key" integer PRIMARY KEY, "it's $1 \\" text);`;
const MEGABYTE = 1024 * 1024;

const servers: TestServer[] = [];
let one: LiveSite;
let two: LiveSite;
let model: Model;

before(async () => {
  servers.push(await startServer(18));
  servers.push(hasDebian15() ? await startServer(15) : servers[0]!);
  const dsn = await servers[0]!.createDatabase('shape');
  model = await withConnection(dsn, 'test', async (client) => {
    await client.query(TABLES);
    const tables = await readTables(client, { schema: 'public' });
    const drawn = importTables(tables, {
      module: 'things',
      service: 'things',
      revision: '2026-11-25',
    });
    const text = drawn.replaceAll('crp:on-unique-clash "park"', 'crp:on-unique-clash "latest"');
    const { models, diagnostics } = compileTexts(text);
    assert.equal(models.length, 1, `${JSON.stringify(diagnostics)}\n${text}`);
    return models[0]!;
  });
  one = await LiveSite.make(servers[0]!, 'one', { tables: TABLES, model });
  two = await LiveSite.make(servers[1]!, 'two', { tables: TABLES, first: one });
});

after(async () => {
  await one.remove();
  await two.remove();
  for (const server of new Set(servers)) await server.remove();
});

async function equal(): Promise<void> {
  await eventually('the sites are equal', async () => {
    const [here, there] = [await digests(one.sql, [model]), await digests(two.sql, [model])];
    return JSON.stringify(here) === JSON.stringify(there);
  }).catch(async (error: unknown) => {
    const errors = await Promise.all(
      [one, two].map(async (site) => (await site.status())?.lastError),
    );
    throw new Error(`${String(error)} ${JSON.stringify(errors)}`);
  });
  for (const site of [one, two])
    assert.deepEqual(
      (await site.sql.query('SELECT entity, type, reason FROM crp.conflict')).rows,
      [],
    );
}

test('values of all types arrive as they are, and generated columns are computed there', async () => {
  await one.sql
    .query(`INSERT INTO thing (name, seat, client, net, mac, tags, doc, blob, feeling, home, price, span,
      bits, valid, code, ratio)
    SELECT 'n' || g, g, '2001:db8::1', '192.0.2.0/24', '00:00:5e:00:53:01', ARRAY['a', NULL, '{"x"}'],
      '{"k": [1, null, "ä"]}', '\\x00ff', 'bad', ROW('a "b", c', NULL)::place, 12.50, '1 mon 2 days', B'101',
      '[2026-01-01, infinity)', 'c56a4180-65aa-42ec-a945-5fd21dec0538', 'NaN' FROM generate_series(1, 20) AS g`);
  await two.sql.query(`INSERT INTO thing (name) VALUES (NULL)`);
  await equal();
  await two.sql
    .query(`UPDATE thing SET tags = '{}', doc = 'null', home = ROW('x', 5)::place, feeling = 'fine',
    price = 1 WHERE seat <= 10`);
  await equal();
  for (const site of [one, two]) {
    assert.equal(await site.number('SELECT count(*) FROM thing WHERE total = price * 2'), 20);
    assert.equal(await site.number('SELECT count(*) FROM thing WHERE total = 2'), 10);
  }
});

test('unique values swapped between two rows, and keys that change, in one transaction', async () => {
  await one.sql.query('UPDATE thing SET seat = 3 - seat WHERE seat IN (1, 2)');
  await one.sql.query(
    `INSERT INTO pair VALUES ('x', 1, 'first'), ('x', 2, 'second'), ('y', 1, 'third')`,
  );
  await equal();
  assert.deepEqual(
    (await two.sql.query('SELECT name FROM thing WHERE seat IN (1, 2) ORDER BY seat')).rows,
    [{ name: 'n2' }, { name: 'n1' }],
  );
  await two.sql.query(`BEGIN; UPDATE pair SET b = 9 WHERE a = 'x' AND b = 1;
    UPDATE pair SET b = 1 WHERE a = 'x' AND b = 2; UPDATE pair SET b = 2 WHERE a = 'x' AND b = 9;
    UPDATE pair SET a = 'z' WHERE a = 'y'; COMMIT`);
  await equal();
  const { rows } = await one.sql.query('SELECT a, b, v FROM pair ORDER BY a, b');
  assert.deepEqual(rows, [
    { a: 'x', b: 1, v: 'second' },
    { a: 'x', b: 2, v: 'first' },
    { a: 'z', b: 1, v: 'third' },
  ]);
});

test('a large value that is not changed stays, and TRUNCATE is refused with what to do', async () => {
  await one.sql.query(
    `UPDATE thing SET blob = decode(repeat('a1b2', 50000), 'hex') WHERE seat = 5`,
  );
  await one.sql.query(`UPDATE thing SET note = 'only this' WHERE seat = 5`);
  await equal();
  await two.sql.query(`UPDATE thing SET note = 'and this' WHERE seat = 5`);
  await equal();
  for (const site of [one, two]) {
    assert.equal(await site.number('SELECT length(blob) FROM thing WHERE seat = 5'), 100_000);
    await assert.rejects(
      site.sql.query('TRUNCATE thing'),
      /TRUNCATE of the replicated table "thing"/,
    );
  }
});

test('values that are equal and not the same are changes, and types need no operator of theirs', async () => {
  await one.sql.query(
    `INSERT INTO alike VALUES (1, 1.0, '24 hours', 0, 'a', ROW('x', 1), 'a', '{"a": 1}', '<a/>', '(1,2)', 'a=>1')`,
  );
  await equal();
  const changes = [
    ...[
      `number = 1.00`,
      `span = '1 day'`,
      `zero = '-0'`,
      `word = 'A'`,
      `home = ROW('x', 2)`,
      `text = 'A'`,
    ],
    ...[`doc = '{"a":1}'`, `tree = '<a />'`, `spot = '(1,3)'`, `bag = 'a=>2'`],
  ];
  for (const change of changes) await two.sql.query(`UPDATE alike SET ${change}`);
  await equal();
  const { rows } = await one.sql.query<{ row: string }>(
    'SELECT ROW(a.*)::text AS row FROM alike AS a',
  );
  assert.match(
    rows[0]!.row,
    /^\(1,1\.00,"1 day",-0,A,"\(x,2\)",A,"\{""a"":1\}","<a \/>","\(1,3\)","""a""=>""2""",/,
  );
  // The same once more changes nothing, and has no stamp.
  const stamp = 'SELECT _crp_row FROM alike';
  const before = await one.number(stamp);
  await one.sql.query(`UPDATE alike SET ${changes.join(', ')}`);
  assert.equal(await one.number(stamp), before);
  await one.sql.query('DELETE FROM alike');
  await equal();
});

test('values of 10 MB travel: inserted, changed, left unchanged, and changed at both sites at once', async () => {
  const value = (letter: string): string =>
    `convert_to(repeat('${letter}', ${10 * MEGABYTE}), 'UTF8')`;
  /** Waits for the values of the two rows; a digest of them all is too much to ask again and again. */
  const both = (first: string, second: string, note: string): Promise<void> =>
    eventually(`${first} and ${second} are at both sites`, async () => {
      const found = `SELECT count(*) FROM thing WHERE length(blob) = ${10 * MEGABYTE} AND (
        (seat = 1000 AND get_byte(blob, 9999999) = ascii('${first}')) OR
        (seat = 1001 AND get_byte(blob, 9999999) = ascii('${second}') AND note IS NOT DISTINCT FROM ${note}))`;
      return (await one.number(found)) === 2 && (await two.number(found)) === 2;
    });
  await one.sql.query(
    `INSERT INTO thing (seat, blob) VALUES (1000, ${value('a')}), (1001, ${value('b')})`,
  );
  await both('a', 'b', 'NULL');
  await two.sql.query(`UPDATE thing SET blob = ${value('c')} WHERE seat = 1000`);
  await one.sql.query(`UPDATE thing SET note = 'n' WHERE seat = 1001`);
  await both('c', 'b', `'n'`);
  one.site.proxy.set('cut');
  two.site.proxy.set('cut');
  await one.sql.query(`UPDATE thing SET blob = ${value('d')} WHERE seat = 1000`);
  await two.sql.query(`UPDATE thing SET blob = ${value('e')} WHERE seat = 1000`);
  one.site.proxy.set('open');
  two.site.proxy.set('open');
  await both('e', 'b', `'n'`);
  for (const site of [one, two]) {
    assert.equal(await site.number(`SELECT count(*) FROM crp.conflict WHERE status = 'parked'`), 0);
  }
  const resolved = `SELECT count(*) FROM crp.conflict WHERE status = 'resolved'`;
  assert.ok((await one.number(resolved)) + (await two.number(resolved)) > 0);
});

test('rows clash by what their indexes call equal: an operator of an extension, a collation', async () => {
  await two.down();
  await one.sql.query(`INSERT INTO mailbox VALUES (1, 'ann', 'x'), (2, 'bob', 'Ben')`);
  await two.sql.query(`INSERT INTO mailbox VALUES (3, 'ANN', 'y'), (4, 'rob', 'BEN')`);
  await two.up();
  for (const site of [one, two])
    await eventually('the later ones stand', async () => {
      return (
        (await site.number(`SELECT count(*) FROM mailbox`)) === 2 &&
        (await site.number(`SELECT count(*) FROM mailbox WHERE id IN (3, 4)`)) === 2
      );
    });
});

/** Waits until each site has these rows of `strict`. */
async function strictRows(ofOne: string, ofTwo: string): Promise<void> {
  const text = `SELECT string_agg(concat_ws(' ', id, n, span, note), ', ' ORDER BY id) AS v FROM strict`;
  await eventually(`${ofOne} | ${ofTwo}`, async () => {
    const read = async (site: LiveSite): Promise<string | null> =>
      (await site.sql.query<{ v: string | null }>(text)).rows[0]!.v;
    return (await read(one)) === ofOne && (await read(two)) === ofTwo;
  });
}

test('domains that forbid NULL, and a DEFERRABLE exclusion constraint, under changes of both sites at once', async () => {
  await one.sql.query(`INSERT INTO strict VALUES (1, 1, '[1,2)', 'a'), (2, 2, '[2,3)', 'b')`);
  await strictRows('1 1 [1,2) a, 2 2 [2,3) b', '1 1 [1,2) a, 2 2 [2,3) b');
  await two.down();
  await one.sql.query(`UPDATE strict SET n = 3 WHERE id = 1; DELETE FROM strict WHERE id = 2;
    INSERT INTO strict VALUES (3, 5, '[10,20)', 'one')`);
  await two.sql
    .query(`UPDATE strict SET n = 4 WHERE id = 1; UPDATE strict SET note = 'x' WHERE id = 2;
    INSERT INTO strict VALUES (4, 5, '[15,25)', 'two')`);
  await two.up();
  // What the constraint forbids waits at each site, and no rule says which row stands.
  await strictRows('1 4 [1,2) a, 3 5 [10,20) one', '1 4 [1,2) a, 4 5 [15,25) two');
  await one.sql.query('DELETE FROM strict WHERE id = 3');
  await strictRows('1 4 [1,2) a, 4 5 [15,25) two', '1 4 [1,2) a, 4 5 [15,25) two');
});

test('a row of which an index of one site cannot be computed waits there, and all else goes on', async () => {
  await two.sql.query('DELETE FROM strict WHERE id = 4; CREATE INDEX shares ON strict ((10 / n))');
  await one.sql.query(`INSERT INTO strict VALUES (5, 0, NULL, 'none'), (6, 1, NULL, 'all')`);
  await strictRows('1 4 [1,2) a, 5 0 none, 6 1 all', '1 4 [1,2) a, 6 1 all');
  await two.sql.query('DROP INDEX shares');
  await strictRows('1 4 [1,2) a, 5 0 none, 6 1 all', '1 4 [1,2) a, 5 0 none, 6 1 all');
});

test('names may have quotes, blanks, percent signs and backslashes', async () => {
  const count = `SELECT count(*) FROM "Rows of ann's %s" WHERE "it's $1 \\" = 'later'`;
  await one.sql.query(`INSERT INTO "Rows of ann's %s" VALUES (1, 'first')`);
  await one.sql.query(`UPDATE "Rows of ann's %s" SET "it's $1 \\" = 'later'`);
  await eventually('it is there', async () => (await two.number(count)) === 1);
  await two.sql.query(`DELETE FROM "Rows of ann's %s"`);
  await eventually('it is gone', async () => (await one.number(count)) === 0);
});
