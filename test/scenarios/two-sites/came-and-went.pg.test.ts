import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Model } from '../../../src/model/ir/ir.ts';
import { connect, withConnection } from '../../../src/postgres/connect.ts';
import { historyModel, PICK } from '../../support/history-model.ts';
import { LEASES } from '../../support/lease-model.ts';
import { isWaitedFor } from '../../support/locks.ts';
import { eventually, TestSite } from '../../support/pair.ts';
import { startServer } from '../../support/server.ts';
import type { TestServer } from '../../support/server.ts';

/*
 * A key that a service inserts and deletes again while apply is about to insert it. Apply's statement waits for that
 * transaction at the primary key and then inserts, but its snapshot is older than the tombstone: what has
 * been deleted at every other site would stay here. Both sites must be equal, whatever way the change is applied.
 */

let server: TestServer;

before(async () => {
  server = await startServer(18);
});

after(() => server?.remove());

interface Race {
  model: Model;
  table: string;
  key: string;
  /** At the other site, while the link is cut: transactions. */
  remote: string[];
  /** Here, before the commit of the transaction that inserts the key. */
  last?: string;
}

/** Rows with the key 1 at both sites, when each has what the other wrote. */
async function race(database: string, of: Race): Promise<string[]> {
  const { model, table, key, remote } = of;
  const last = of.last ?? `DELETE FROM ${table} WHERE ${key} = 1`;
  const a = await site(1, `${database}_a`, model);
  const b = await site(2, `${database}_b`, model);
  const service = await connect(b.dsn, 'test service');
  try {
    for (const transaction of remote) await a.sql.query(transaction);
    await service.query('BEGIN');
    await service.query(`INSERT INTO ${table} (${key}, note) VALUES (1, 'b')`);
    await a.start(b, model);
    await b.start(a, model);
    await eventually('apply waits for the key', () => isWaitedFor(b.sql, service));
    await service.query(last);
    await service.query('COMMIT');
    for (const one of [a, b]) {
      await one.sql.query(`INSERT INTO ${table} (${key}) VALUES (${1000 + one.number})`);
    }
    for (const one of [a, b]) {
      await eventually(`${one.number} has everything`, async () => {
        const marks = await one.sql.query(`SELECT FROM ${table} WHERE ${key} > 1000`);
        return marks.rowCount === 2;
      });
    }
    return await Promise.all(
      [a, b].map(async ({ sql }) => {
        const { rows } = await sql.query<{ row: string }>(
          `SELECT x::text AS row FROM ${table} AS x WHERE ${key} = 1`,
        );
        return rows.map(({ row }) => row).join();
      }),
    );
  } finally {
    await service.end();
    await a.remove();
    await b.remove();
  }
}

async function site(number: number, database: string, model: Model): Promise<TestSite> {
  const dsn = await server.createDatabase(database);
  await withConnection(dsn, 'test', (client) => client.query(PICK));
  return TestSite.create(number, dsn, model);
}

const LEASE = { model: LEASES, table: 'leases.lease', key: 'address' };
const INSERT = `INSERT INTO leases.lease (address, note) VALUES (1, 'a')`;

test('a change that is applied in one statement', async () => {
  assert.deepEqual(await race('quick', { ...LEASE, remote: [INSERT] }), ['', '']);
});

test('changes of several kinds', async () => {
  const remote = [
    INSERT,
    'INSERT INTO leases.lease (address) VALUES (2)',
    'DELETE FROM leases.lease WHERE address = 2',
  ];
  assert.deepEqual(await race('kinds', { ...LEASE, remote }), ['', '']);
});

test('changes that are staged', async () => {
  const remote = ['INSERT INTO leases.lease (address) SELECT g FROM generate_series(1, 500) AS g'];
  assert.deepEqual(await race('staged', { ...LEASE, remote }), ['', '']);
});

test('a change that merge decides about, of a row that is here no more, as one that has expired', async () => {
  const remote = [
    `SELECT pg_replication_origin_create('crp_test')`,
    `SELECT pg_replication_origin_session_setup('crp_test')`,
    `SET session_replication_role = replica; INSERT INTO leases.lease (address) VALUES (1)`,
    'SELECT pg_replication_origin_session_reset()',
    `RESET session_replication_role; UPDATE leases.lease SET note = 'a' WHERE address = 1`,
  ];
  assert.deepEqual(await race('merged', { ...LEASE, remote }), ['', '']);
});

for (const entity of ['early', 'latest', 'first']) {
  test(`a row that keeps history (${entity})`, async () => {
    const table = `test.${entity}`;
    const of = { model: historyModel(), table, key: 'id' };
    const remote = [`INSERT INTO ${table} (id, note) VALUES (1, 'a')`];
    const [a, b] = await race(entity, { ...of, remote });
    assert.equal(b, a);
  });
}

test('a row that is inserted and deleted elsewhere, by a clock that is ahead, while it is inserted here', async () => {
  const remote = [
    `SELECT setval('crp.floor', last_value + 5000000) FROM
       (SELECT (date_part('epoch', clock_timestamp()) * 1000000)::bigint - 1577836800000000 AS last_value) AS x`,
    ...[1, 2].flatMap((address) => [
      `INSERT INTO leases.lease (address, note) VALUES (${address}, 'a')`,
      `DELETE FROM leases.lease WHERE address = ${address}`,
    ]),
  ];
  assert.deepEqual(await race('passing', { ...LEASE, remote, last: 'SELECT' }), ['', '']);
});
