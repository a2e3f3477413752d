import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Client } from 'pg';
import type { Asking } from '../../merge/decide.ts';
import type { FunctionCall, Value } from '../../merge/types.ts';
import type { Entity } from '../../model/ir/ir.ts';
import { connect } from '../../postgres/connect.ts';
import { functionChecks } from '../../sql/ddl/function-ddl.ts';
import { modelOf } from '../../../test/support/rules-model.ts';
import { startServer } from '../../../test/support/server.ts';
import type { TestServer } from '../../../test/support/server.ts';
import { FunctionCaller } from './function-caller.ts';

/** What it returns is in the current object, under `returns`. */
const DECIDE = `CREATE FUNCTION decide(base jsonb, current jsonb, incoming jsonb) RETURNS jsonb
  LANGUAGE sql IMMUTABLE AS $$ SELECT (current ->> 'returns')::jsonb || coalesce('{}'::jsonb, base, incoming) $$`;
const COLUMNS = [
  { name: 'price', type: 'numeric(8,2)' },
  { name: "o'clock", type: 'timestamp' },
];

let server: TestServer;
let client: Client;

before(async () => {
  server = await startServer(18);
  client = await connect(await server.createDatabase('functions'), 'test');
  await client.query(DECIDE);
  await client.query('BEGIN');
});

after(async () => {
  await client?.end();
  await server?.remove();
});

function* ask(call: FunctionCall): Asking<Value> {
  return yield call;
}

const RESULTS: [what: string, returns: string, values: Value[] | null][] = [
  [
    'values in their types’ own form',
    `{"price": "7.5", "o'clock": "2026-11-27T08:00"}`,
    ['7.50', '2026-11-27 08:00:00'],
  ],
  ['what it leaves out keeps the current value', '{"price": 3}', ['3.00', '2026-01-01 00:00:00']],
  ['an absent value', `{"price": null}`, [null, '2026-01-01 00:00:00']],
  ['a value that its type does not have', '{"price": "much"}', null],
  ['no object', '[1]', null],
  ['nothing', 'null', null],
];

for (const [what, returns, values] of RESULTS) {
  test(`a function of several columns returns ${what}`, async () => {
    const current = { price: '10.00', "o'clock": '2026-01-01 00:00:00', returns };
    const call = {
      ...{ name: 'decide', type: 'jsonb', columns: COLUMNS, base: null },
      ...{ current: JSON.stringify(current), incoming: '{}' },
    };
    const result = await new FunctionCaller(client).run(ask(call));
    assert.deepEqual(result === null ? null : JSON.parse(result), values);
  });
}

test('a model is installed only where its function of several columns is there', async () => {
  const entity = (name: string): Entity =>
    modelOf(`list a { key id; crp:entity "a" { crp:resolve "crp:sql-function" { crp:function "public.${name}"; } }
      leaf id { type int32; } leaf n { type int32; } leaf m { type int32; } }`).entities[0]!;
  for (const statement of functionChecks(entity('decide'))) await client.query(statement);
  await client.query('SAVEPOINT s');
  const [check] = functionChecks(entity('missing')) as [string];
  await assert.rejects(client.query(check), {
    code: '42883',
    message: /"missing"\(jsonb, jsonb, jsonb\) does not exist/,
  });
  await client.query('ROLLBACK TO SAVEPOINT s');
});

test('what a function throws by itself is no decision, and the transaction goes on', async () => {
  const call = { name: 'decide', type: 'jsonb', columns: COLUMNS, base: null };
  const broken = { ...call, current: '{"returns": "{"}', incoming: '{}' };
  assert.equal(await new FunctionCaller(client).run(ask(broken)), null);
  assert.equal((await client.query('SELECT 1')).rowCount, 1);
});
