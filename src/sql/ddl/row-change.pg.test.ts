import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Client } from 'pg';
import { connect } from '../../postgres/connect.ts';
import { installModel } from '../../../test/support/install.ts';
import { modelOf } from '../../../test/support/rules-model.ts';
import { startServer } from '../../../test/support/server.ts';
import type { TestServer } from '../../../test/support/server.ts';

/* What the stamp trigger takes for a change where equal values can differ, and what it lets nobody write. */

let server: TestServer;
let sql: Client;

before(async () => {
  server = await startServer(18);
  sql = await connect(await server.createDatabase('change'), 'test');
  const number = (name: string, type: string): string =>
    `type decimal64 { fraction-digits 2; } default 0; crp:sql-column "${name}" { crp:sql-type "${type}"; }`;
  const model = modelOf(`list thing { key id; crp:entity "thing";
    leaf id { type int32; }
    leaf top { ${number('top', 'numeric')} crp:resolve "crp:maximum"; }
    leaf plain { ${number('plain', 'numeric')} }
    leaf sum { ${number('sum', 'numeric(9,2)')} crp:resolve "crp:additive"; } }`);
  await installModel(sql, { name: 'one', number: 1 }, model);
  await sql.query('INSERT INTO test.thing (id, top, plain) VALUES (1, 1.0, 1.0)');
});

after(async () => {
  await sql.end();
  await server.remove();
});

/** Values and stamps after a write. */
async function write(set: string): Promise<Record<string, string>> {
  const { rows } = await sql.query<Record<string, string>>(
    `UPDATE test.thing SET ${set} RETURNING top, plain, _crp_top, _crp_row`,
  );
  return rows[0]!;
}

test('an equal value with other digits is a change of a plain column, and none of one that only goes up', async () => {
  const first = await write('id = id');
  const second = await write('top = 1.00, plain = 1.00');
  assert.deepEqual([second['top'], second['plain']], ['1.0', '1.00']);
  assert.equal(second['_crp_top'], first['_crp_top']);
  assert.notEqual(second['_crp_row'], first['_crp_row']);
  const third = await write('top = 1.01, plain = 1.00');
  assert.equal(third['top'], '1.01');
  assert.notEqual(third['_crp_top'], second['_crp_top']);
  assert.equal(third['_crp_row'], second['_crp_row']);
});

test('NaN is refused where differences are added', async () => {
  for (const write of [
    `UPDATE test.thing SET sum = 'NaN'`,
    `INSERT INTO test.thing (id, sum) VALUES (2, 'NaN')`,
  ]) {
    await assert.rejects(sql.query(write), {
      ...{ code: '23514', column: 'sum' },
      message: 'column "sum" of "thing" cannot be NaN: its method is additive',
    });
  }
});
