import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { modelOf } from '../../support/rules-model.ts';
import { startServer } from '../../support/server.ts';
import type { TestServer } from '../../support/server.ts';
import { SteppedGroup } from '../../support/stepped-group.ts';
import type { SteppedSite } from '../../support/stepped-site.ts';

/* What the set-based statements take where equal values can differ, and where a type has no operator for "equal". */

const column = (name: string, type: string): string =>
  `crp:sql-column "${name}" { crp:sql-type "${type}"; }`;
const MODEL = modelOf(`list set { key id; crp:entity "set";
    leaf id { type int32; }
    leaf-list doc { type string; ${column('doc', 'json[]')} crp:resolve "crp:add-wins"; }
    leaf-list price { type string; ${column('price', 'numeric[]')} crp:resolve "crp:remove-wins"; } }
  list named { key id; unique name { crp:on-unique-clash "append-site"; } crp:entity "named";
    leaf id { type int32; }
    leaf name { type string; }
    leaf doc { type string; ${column('doc', 'json')} } }
  list best { key id; crp:entity "best";
    leaf id { type int32; }
    leaf top { type decimal64 { fraction-digits 2; } ${column('top', 'numeric')} crp:resolve "crp:maximum"; } }
  list sum { key id; crp:entity "sum";
    leaf id { type int32; }
    leaf n { type decimal64 { fraction-digits 2; } mandatory true; ${column('n', 'numeric(9,2)')} crp:resolve "crp:additive"; } }`);

let server: TestServer;
let group: SteppedGroup;
let [one, two, three]: SteppedSite[] = [];

before(async () => {
  server = await startServer(18);
  group = await SteppedGroup.open(server, { ...MODEL, name: 'alike' });
  [one, two, three] = group.sites;
  for (const { sql } of group.sites)
    await sql.query(`
      CREATE COLLATION folded (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
      ALTER TABLE test.named ALTER name TYPE text COLLATE folded`);
});

after(async () => {
  await group?.close();
  await server?.remove();
});

test('sets of a type without an operator for "equal", and of equal values that differ', async () => {
  await one!.sql.query(`INSERT INTO test.set VALUES (1, ARRAY['{"a": 1}']::json[], '{1.0}')`);
  await group.exchange();
  await one!.sql.query(`UPDATE test.set SET doc = doc || '{"b":2}'::json, price = '{1.0,1.00}'`);
  await two!.sql.query(`UPDATE test.set SET doc = doc || '{"b": 2}'::json, price = '{1.000}'`);
  await group.exchange();
  await group.assertEqual();
  const doc = `{"{\\"a\\": 1}","{\\"b\\": 2}","{\\"b\\":2}"}`;
  assert.deepEqual(await rows(three!, 'SELECT doc::text, price::text FROM test.set'), [
    { doc, price: '{1.00,1.000}' },
  ]);
});

test('two changes of one derived stamp, whose texts the column calls equal, beside a json column', async () => {
  await one!.sql.query(`INSERT INTO test.named VALUES (1, 'n', '{}')`);
  await group.exchange();
  for (const [site, name] of [
    [one, 'A'],
    [two, 'a'],
  ] as const) {
    await site!.sql.query(`BEGIN; SET LOCAL session_replication_role = replica;
      UPDATE test.named SET name = '${name}', _crp_row = ((_crp_row >> 11) + 1) << 11; COMMIT`);
  }
  await group.exchange();
  await group.assertEqual();
  assert.deepEqual(await rows(three!, 'SELECT name FROM test.named'), [{ name: 'a' }]);
});

test('of two best values that differ in their digits one stands, also where an equal stamp hides the other', async () => {
  await one!.sql.query(`INSERT INTO test.best VALUES (1, 1)`);
  await group.exchange();
  await one!.sql.query(`UPDATE test.best SET top = 6.0`);
  await one!.capture();
  await two!.sql.query(`UPDATE test.best SET top = 5.00`);
  await two!.capture();
  await two!.apply(one!, 1);
  await three!.apply(two!, 1);
  // It has not seen the 6.0 that the second site has under the same stamp.
  await three!.sql.query(`UPDATE test.best SET top = 6.00`);
  await group.exchange();
  await group.assertEqual();
  assert.deepEqual(await rows(two!, 'SELECT top FROM test.best'), [{ top: '6.00' }]);
});

test('a sum that was NaN before it was replicated is what is written to it, and what others add', async () => {
  await one!.sql.query(`INSERT INTO test.sum (id, n) VALUES (1, 0), (2, 0)`);
  await group.exchange();
  for (const { sql } of group.sites)
    await sql.query(`SET session_replication_role = replica; ALTER PUBLICATION crp DROP TABLE test.sum;
      UPDATE test.sum SET n = 'NaN'; ALTER PUBLICATION crp ADD TABLE test.sum; SET session_replication_role = origin`);
  await one!.sql.query('UPDATE test.sum SET n = 5');
  await two!.sql.query('UPDATE test.sum SET n = 2.5 WHERE id = 1');
  await group.exchange();
  await group.assertEqual();
  const found = await rows(three!, 'SELECT n FROM test.sum ORDER BY id');
  assert.deepEqual(found, [{ n: '7.50' }, { n: '5.00' }]);
});

async function rows(site: SteppedSite, query: string): Promise<Record<string, string>[]> {
  return (await site.sql.query<Record<string, string>>(query)).rows;
}
