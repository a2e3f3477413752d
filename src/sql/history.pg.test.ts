import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Client } from 'pg';
import type { Model } from '../model/ir/ir.ts';
import { connect } from '../postgres/connect.ts';
import { compileTexts, moduleText } from '../../test/support/model-text.ts';
import { startServer } from '../../test/support/server.ts';
import type { TestServer } from '../../test/support/server.ts';
import { catalogDdl } from './ddl/catalog-ddl.ts';
import { modelDdl } from './ddl/entity-ddl.ts';
import { upgradeDdl } from './ddl/upgrade-ddl.ts';

/** A model whose only entity keeps history or not. */
function thing(content: string, history: boolean): Model {
  const rule = history ? 'crp:on-delete-update "update";' : '';
  const { models } = compileTexts(
    moduleText(`list thing { key "id at"; crp:entity "thing" { crp:column-group "g"; ${rule} }
      leaf id { type int32; } leaf at { type yang:date-and-time; }
      leaf a { type string; } ${content} }`),
  );
  return models[0]!;
}

const B = 'leaf b { type yang:date-and-time; crp:in-group "g"; }';
let server: TestServer;
let client: Client;

async function run(statements: readonly string[]): Promise<void> {
  for (const statement of statements) await client.query(statement);
}

before(async () => {
  server = await startServer(18);
  client = await connect(await server.createDatabase('history'), 'test');
  const site = { name: 'a', number: 5, incarnation: 1 };
  await run([...catalogDdl({ site }), ...modelDdl(thing(B, true), 5)]);
});

after(async () => {
  await client?.end();
  await server?.remove();
});

interface Recorded {
  id: number;
  stamp: string;
  old: (string | null)[] | null;
  now: (string | null)[] | null;
  old_stamps: string[] | null;
  stamps: string[] | null;
  birth: string | null;
  dead: string | null;
}

async function history(): Promise<Recorded[]> {
  const { rows } = await client.query<Recorded>(
    `SELECT id, _crp_stamp AS stamp, _crp_old_values AS old, _crp_values AS now, _crp_old_stamps AS old_stamps,
       _crp_stamps AS stamps, _crp_birth AS birth, _crp_dead_birth AS dead
     FROM crp.test_thing_history ORDER BY id, _crp_stamp`,
  );
  return rows;
}

const T = "'2020-01-01 12:00+00'";

test('every local change of a row is recorded with both its images, in the order of its stamps', async () => {
  await run([
    `SET timezone = 'Asia/Tokyo'; SET datestyle = 'German'`,
    `INSERT INTO test.thing VALUES (1, ${T}, 'x', ${T})`,
    `BEGIN; UPDATE test.thing SET a = 'y'; UPDATE test.thing SET b = NULL; COMMIT`,
    `UPDATE test.thing SET a = 'y'`,
    `DELETE FROM test.thing`,
    `INSERT INTO test.thing VALUES (1, ${T}, 'z', NULL)`,
  ]);
  const rows = await history();
  const noon = '2020-01-01 12:00:00+00';
  const images = rows.map((row) => [row.old, row.now]);
  assert.deepEqual(images, [
    [null, ['x', noon]],
    [
      ['x', noon],
      ['y', noon],
    ],
    [
      ['y', noon],
      ['y', null],
    ],
    [['y', null], null],
    [null, ['z', null]],
  ]);
  const [insert, first, second, , again] = rows;
  assert.deepEqual(insert!.stamps, [insert!.stamp, insert!.stamp]);
  assert.equal(insert!.birth, insert!.stamp);
  assert.deepEqual(first!.old_stamps, insert!.stamps);
  assert.deepEqual(first!.stamps, [first!.stamp, insert!.stamp]);
  assert.deepEqual(second!.stamps, [first!.stamp, second!.stamp]);
  assert.deepEqual(
    rows.map((row) => row.dead),
    [null, null, null, insert!.birth, null],
  );
  assert.ok(BigInt(again!.birth!) > BigInt(rows[3]!.stamp));
  assert.equal(BigInt(again!.stamp) & 2047n, 5n);
});

test('a change of the key is the delete of one and the insert of another', async () => {
  await run([
    'TRUNCATE crp.test_thing_history',
    'UPDATE test.thing SET id = 2',
    'UPDATE test.thing SET id = 1',
  ]);
  const rows = await history();
  const kind = ({ id, old, now }: Recorded): string =>
    `${id} ${old ? 'old' : ''}${now ? 'new' : ''}`;
  assert.deepEqual(rows.map(kind).toSorted(), ['1 new', '1 old', '2 new', '2 old']);
});

test('a stamp is after everything in the history of its key, and after that of other groups', async () => {
  const ahead = (BigInt((await history()).at(-1)!.stamp) + ((10n ** 12n) << 11n)).toString();
  await run([
    `INSERT INTO crp.test_thing_history (id, at, _crp_stamp) VALUES (1, ${T}, ${ahead}), (3, ${T}, ${ahead})`,
    `UPDATE test.thing SET b = ${T}`,
    `UPDATE test.thing SET a = 'q'`,
    `DELETE FROM test.thing`,
    `INSERT INTO test.thing VALUES (1, ${T}, 'r', NULL), (3, ${T}, 's', NULL)`,
  ]);
  const later = (await history()).filter((row) => BigInt(row.stamp) > BigInt(ahead));
  assert.deepEqual(
    later.map((row) => [row.id, (row.now ?? row.old)![0]]),
    [
      [1, 'z'],
      [1, 'q'],
      [1, 'q'],
      [1, 'r'],
      [3, 's'],
    ],
  );
});

test('an upgrade keeps the history: values go to their new places, new columns have their default', async () => {
  const old = thing(B, true);
  const now = thing(`leaf c { type int32; default 7; } ${B}`, true);
  // New leaves come between the old ones.
  now.entities[0]!.columns.sort((one, other) => Number(one.name > other.name) - 0.5);
  await run(['DELETE FROM test.thing', 'TRUNCATE crp.test_thing_history']);
  await run([`INSERT INTO test.thing VALUES (1, ${T}, 'x', NULL)`, ...upgradeDdl(old, now, 5)]);
  const [row] = await history();
  const names = now.entities[0]!.columns.map((column) => column.name);
  assert.deepEqual(row!.now, valuesIn(names, { a: 'x', b: null, c: '7' }));
  assert.equal(row!.stamps!.length, now.entities[0]!.groups.length);
  await run([`UPDATE test.thing SET c = 8`]);
  assert.deepEqual((await history()).at(-1)!.now, valuesIn(names, { a: 'x', b: null, c: '8' }));
});

function valuesIn(names: string[], values: Record<string, string | null>): (string | null)[] {
  return names.filter((name) => name in values).map((name) => values[name]!);
}

test('an entity begins to keep history, and stops: nothing is left', async () => {
  const with7 = thing(`leaf c { type int32; default 7; } ${B}`, true);
  const without = thing(`leaf c { type int32; default 7; } ${B}`, false);
  await run([...upgradeDdl(with7, without, 5), `UPDATE test.thing SET c = 9`]);
  const { rows } = await client.query(`SELECT to_regclass('crp.test_thing_history') AS t`);
  assert.deepEqual(rows, [{ t: null }]);
  await run([...upgradeDdl(without, with7, 5), `UPDATE test.thing SET c = 10`]);
  assert.equal((await history()).length, 1);
});
