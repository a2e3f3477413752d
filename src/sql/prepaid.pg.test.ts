import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Client } from 'pg';
import { connect } from '../postgres/connect.ts';
import { Account, prepaidModel, refusalOf } from '../../test/support/prepaid.ts';
import type { TestServer } from '../../test/support/server.ts';
import { startServer } from '../../test/support/server.ts';
import { catalogDdl } from './ddl/catalog-ddl.ts';
import { modelDdl } from './ddl/entity-ddl.ts';
import { ROOT } from '../../test/support/root.ts';

const README = readFileSync(join(ROOT, 'models/prepaid/README.md'), 'utf8');
const ID = '0f8fad5b-d9cb-469f-a165-70867728950e';

let server: TestServer;
let sql: Client;

before(async () => {
  server = await startServer(18);
  sql = await connect(await server.createDatabase('ber'), 'test');
  const statements = [
    ...catalogDdl({ site: { name: 'ber', number: 1, incarnation: 1 } }),
    ...modelDdl(prepaidModel(), 1),
    `INSERT INTO crp.member (name, number, state) VALUES ('ber', 1, 'active'), ('muc', 2, 'active')`,
  ];
  for (const statement of statements) await sql.query(statement);
});

after(async () => {
  await sql?.end();
  await server.remove();
});

/** The README's transaction that contains a text. */
async function run(text: string): Promise<void> {
  const blocks = [...README.matchAll(/```sql\n([^]*?)```/g)].map((found) => found[1]!);
  const block = blocks.find((one) => one.includes(text));
  assert.ok(block !== undefined, text);
  // Several statements in one message are one transaction (manual, 54.2.2.1).
  await sql.query(block);
}

test('sessions reserve, settle and expire as the README shows', async () => {
  const account = new Account(sql, ID);
  const state = async (): Promise<number[]> => [await account.value(), await account.share()];
  await account.open();
  await run('interval').catch((error: { code: string }) => assert.equal(error.code, 'CRP01'));
  assert.equal((await sql.query('SELECT FROM charging.reservation')).rowCount, 0);

  await run(', 20);');
  assert.equal((await refusalOf(run(', 20);'))).code, '23505', 'the repeated request');
  assert.deepEqual(await state(), [20, 20]);
  await run('interval');
  assert.deepEqual(await state(), [19.75, 19.75]);
  await run('RETURNING amount;');
  assert.deepEqual(await state(), [19.9, 19.9]);
  const { rows } = await sql.query('SELECT spent::float8 FROM charging.account');
  assert.deepEqual(rows, [{ spent: 0.1 }]);

  await run('interval');
  await run('expired');
  assert.deepEqual(await state(), [19.65, 19.65], 'it has not expired');
  await sql.query(`UPDATE charging.reservation SET expires = now() - interval '1 second'`);
  await run('expired');
  await run('expired');
  assert.deepEqual(await state(), [19.9, 19.9]);
  await run('muc');
  assert.deepEqual(await state(), [19.9, 14.9]);
});

test('the reservation of another site is not settled here, and keeps the account', async () => {
  await sql.query('SET session_replication_role = replica');
  await sql.query(
    `INSERT INTO charging.reservation (account, session, site, amount, expires, event)
     VALUES ($1, 'other', 'muc', 1, now(), true)`,
    [ID],
  );
  await sql.query('RESET session_replication_role');
  for (const statement of ['DELETE FROM charging.reservation', 'DELETE FROM charging.account']) {
    assert.match((await refusalOf(sql.query(statement))).message, /belongs to site "muc"/);
  }
});
