import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Client } from 'pg';
import { connect } from '../postgres/connect.ts';
import { Random } from '../../test/simulation/random.ts';
import { compileTexts, moduleText } from '../../test/support/model-text.ts';
import { Account, prepaidModel, refusalOf } from '../../test/support/prepaid.ts';
import type { TestServer } from '../../test/support/server.ts';
import { startServer } from '../../test/support/server.ts';
import { catalogDdl } from './ddl/catalog-ddl.ts';
import { SHARE_TOO_SMALL } from './ddl/counter-bodies.ts';
import { counterGrants } from './ddl/counter-ddl.ts';
import { modelDdl } from './ddl/entity-ddl.ts';
import { upgradeDdl } from './ddl/upgrade-ddl.ts';
import { SEED } from '../../test/support/seed.ts';

const MODEL = prepaidModel();

let server: TestServer;
let dsn: string;
let admin: Client;
let service: Client;

/** A session of the service's role, which has what a service usually gets: all rights on all tables. */
async function serviceSession(): Promise<Client> {
  const client = await connect(dsn, 'test service');
  await client.query('SET ROLE charger');
  return client;
}

before(async () => {
  server = await startServer(18);
  dsn = await server.createDatabase('ber');
  admin = await connect(dsn, 'test');
  const site = { name: 'ber', number: 1, incarnation: 1 };
  const statements = [
    ...catalogDdl({ site }),
    ...modelDdl(MODEL, 1),
    `INSERT INTO crp.member (name, number, state) VALUES
       ('ber', 1, 'active'), ('muc', 2, 'active'), ('old', 3, 'left')`,
    'CREATE ROLE charger',
    'GRANT USAGE ON SCHEMA charging TO charger',
    'GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA charging TO charger',
    ...counterGrants('charger', MODEL),
  ];
  for (const statement of statements) await admin.query(statement);
  service = await serviceSession();
});

after(async () => {
  await service?.end();
  await admin?.end();
  await server.remove();
});

let made = 0;

async function newAccount(sql = service): Promise<Account> {
  made += 1;
  const account = new Account(sql, `00000000-0000-4000-8000-${String(made).padStart(12, '0')}`);
  await account.open();
  return account;
}

test('what is added is the share, what is taken or given is less of it', async () => {
  const account = await newAccount();
  assert.equal(await account.value(), 0);
  assert.equal(await account.add('20.5'), 20.5);
  assert.equal(await account.take(3), 17.5);
  assert.equal(await account.give('muc', 10), 7.5);
  assert.equal(await account.give('muc', '0.000001'), 7.499999);
  assert.equal(await account.share(), 7.499999);
  assert.equal(await account.value(), 17.5);
});

test('a share that is too small is refused with what there is, and nothing is written', async () => {
  const account = await newAccount();
  await account.add(20);
  await account.give('muc', 15);
  const share = await refusalOf(account.take(6));
  assert.equal(share.code, SHARE_TOO_SMALL);
  assert.match(
    share.message,
    /share of site "ber" in balance of \(.*0001?\d?\) is 5\.0+: too small to take 6/,
  );
  assert.match(share.detail!, /All sites together have 20\.0+ above the bound/);
  assert.match(share.hint!, /Another site .* charging\.account_balance_give/);
  const total = await refusalOf(account.give('muc', 21));
  assert.equal(total.code, SHARE_TOO_SMALL);
  assert.match(total.hint!, /There is not that much/);
  assert.deepEqual([await account.share(), await account.value()], [5, 20]);
});

test('amounts that are none, and sites that are none, are refused', async () => {
  const account = await newAccount();
  await account.add(1);
  for (const amount of ['0', '-1', 'NaN', 'Infinity', '0.0000001']) {
    assert.equal((await refusalOf(account.add(amount))).code, '22023', amount);
    assert.equal((await refusalOf(account.take(amount))).code, '22023', amount);
    assert.equal((await refusalOf(account.give('muc', amount))).code, '22023', amount);
  }
  for (const site of ['ber', 'old', 'nowhere']) {
    assert.match((await refusalOf(account.give(site, 1))).message, /no other site/);
  }
  const nobody = new Account(service, '00000000-0000-4000-8000-ffffffffffff');
  assert.equal((await refusalOf(nobody.take(1))).code, 'P0002');
  assert.ok(Number.isNaN(await nobody.value()));
});

test('plain statements of the service cannot change a share', async () => {
  const account = await newAccount();
  await account.add(5);
  const statements = [
    `UPDATE charging.account_balance_right SET amount = 1000`,
    `DELETE FROM charging.account_balance_right`,
    `INSERT INTO charging.account_balance_used VALUES ('${account.id}', 0, 1, 0)`,
    `TRUNCATE charging.account_balance_used`,
  ];
  for (const statement of statements) {
    assert.equal((await refusalOf(service.query(statement))).code, '42501', statement);
  }
  assert.equal(await account.share(), 5);
});

test('a role that may only read cannot call what writes', async () => {
  await admin.query('CREATE ROLE reader');
  await admin.query('GRANT USAGE ON SCHEMA charging TO reader');
  await admin.query('GRANT SELECT ON ALL TABLES IN SCHEMA charging TO reader');
  const account = await newAccount();
  await account.add(5);
  const reader = await connect(dsn, 'test reader');
  try {
    await reader.query('SET ROLE reader');
    const same = new Account(reader, account.id);
    assert.equal(await same.value(), 5);
    assert.equal((await refusalOf(same.take(1))).code, '42501');
  } finally {
    await reader.end();
  }
});

test('a deleted row takes its counter with it, and one that gets its key begins at the bound', async () => {
  const account = await newAccount();
  await account.add(50);
  await account.give('muc', 20);
  await account.take(1);
  const { rows } = await admin.query<{ life: string }>(
    'SELECT _crp_birth AS life FROM charging.account WHERE id = $1',
    [account.id],
  );
  await account.close();
  const left = await admin.query(
    `SELECT FROM charging.account_balance_right WHERE account = $1
     UNION ALL SELECT FROM charging.account_balance_used WHERE account = $1`,
    [account.id],
  );
  assert.equal(left.rowCount, 0);
  // What a site that did not know of the delete gave arrives without its account.
  await admin.query('SET session_replication_role = replica');
  await admin.query('INSERT INTO charging.account_balance_right VALUES ($1, $2, 2, 1, 7)', [
    ...[account.id, rows[0]!.life],
  ]);
  await admin.query('RESET session_replication_role');
  await account.open();
  assert.deepEqual([await account.value(), await account.share()], [0, 0]);
  assert.equal((await refusalOf(account.take(1))).code, SHARE_TOO_SMALL);
});

for (const level of ['READ COMMITTED', 'REPEATABLE READ', 'SERIALIZABLE']) {
  test(`sessions that race at ${level} cannot overspend`, async () => {
    const start = 60;
    const account = await newAccount();
    await account.add(start);
    const spent = await Promise.all(
      [1, 2, 3, 4].map((worker) => spend(account.id, { level, random: new Random(SEED + worker) })),
    );
    const total = spent.reduce((sum, one) => sum + one, 0);
    assert.equal(await account.value(), start - total, `seed ${SEED}`);
    assert.ok(total <= start && total > start - 3, `seed ${SEED}: ${total} of ${start}`);
  });
}

test('counters of inner entities and of whole numbers with another bound; added by an upgrade', async () => {
  const text = (counters: string): string =>
    moduleText(`list site-group { key name; crp:entity "site-group"; leaf name { type string; }
      list user { key "realm user"; crp:entity "user" { crp:on-orphan "keep"; }
        leaf realm { type string; } leaf user { type string; } ${counters} } }`);
  const escrow = (bound: string): string => `crp:escrow "lower" { crp:bound "${bound}"; }`;
  const [before, after] = [
    text(''),
    text(`leaf seats { type int32; default "-3"; ${escrow('-3')} }
      container data { leaf octets-left { type uint64; ${escrow('0')} } }`),
  ].map((module) => compileTexts(module).models[0]!);
  for (const statement of [...modelDdl(before!, 1), ...upgradeDdl(before!, after!, 1)]) {
    await admin.query(statement);
  }
  await admin.query(`INSERT INTO test.site_group VALUES ('g')`);
  await admin.query(`INSERT INTO test."user" VALUES ('g', 'r', 'one'), ('g', 'r', 'two')`);
  const call = async (name: string, ...rest: number[]): Promise<number> => {
    const { rows } = await admin.query<{ v: string }>(
      `SELECT test.user_${name}(${["'g'", "'r'", "'one'", ...rest].join(', ')}) AS v`,
    );
    return Number(rows[0]!.v);
  };
  assert.equal(await call('seats_value'), -3);
  await call('seats_add', 5);
  assert.equal(await call('seats_take', 4), 1);
  assert.equal(await call('seats_value'), -2);
  assert.equal((await refusalOf(call('seats_take', 2))).code, SHARE_TOO_SMALL);
  assert.equal((await refusalOf(call('seats_take', 0.5))).code, '22023');
  await call('data_octets_left_add', 10 ** 18);
  assert.equal(await call('data_octets_left_share'), 10 ** 18);
});

/** Takes amounts of 1 to 3 until it was refused three times; gives back the sum of what it got. */
async function spend(
  id: string,
  { level, random }: { level: string; random: Random },
): Promise<number> {
  const sql = await serviceSession();
  await sql.query(`SET default_transaction_isolation = '${level.toLowerCase()}'`);
  const account = new Account(sql, id);
  let taken = 0;
  let refusals = 0;
  try {
    while (refusals < 3) {
      const amount = 1 + random.int(3);
      try {
        await account.take(amount);
        taken += amount;
      } catch (error) {
        const { code } = error as { code?: string };
        if (code === SHARE_TOO_SMALL) refusals += 1;
        // Another session was first: PostgreSQL's manual, 13.2.2, says to try again.
        else if (code !== '40001') throw error;
      }
    }
    return taken;
  } finally {
    await sql.end();
  }
}

test('a session that gives and one that takes cannot both have the same share', async () => {
  const account = await newAccount();
  await account.add(10);
  const other = await serviceSession();
  try {
    for (const sql of [service, other]) await sql.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
    await new Account(other, account.id).share();
    await account.give('muc', 10);
    const late = refusalOf(new Account(other, account.id).take(10));
    await service.query('COMMIT');
    assert.equal((await late).code, '40001');
  } finally {
    await other.end();
  }
  assert.deepEqual([await account.share(), await account.value()], [0, 10]);
});
