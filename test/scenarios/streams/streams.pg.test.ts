import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Client } from 'pg';
import { connect } from '../../../src/postgres/connect.ts';
import { LEASES } from '../../support/lease-model.ts';
import { eventually, TestSite } from '../../support/pair.ts';
import { startServer } from '../../support/server.ts';
import type { TestServer } from '../../support/server.ts';

/** Enough to be streamed (logical_decoding_work_mem is 1 MB) and for several pieces at the target. */
const ROWS = 60_000;

let server: TestServer;
let a: TestSite;
let b: TestSite;
/** The session at A whose transaction stays open. */
let writer: Client;

before(async () => {
  server = await startServer(18);
  a = await TestSite.create(1, await server.createDatabase('a'), LEASES);
  b = await TestSite.create(2, await server.createDatabase('b'), LEASES);
  await a.start(b, LEASES);
  await b.start(a, LEASES);
  writer = await connect(a.dsn, 'writer');
});

after(async () => {
  await writer?.end();
  await a?.remove();
  await b?.remove();
  await server?.remove();
});

/** Transaction id of B's target transaction that is open for a stream. */
async function openXid(): Promise<string | undefined> {
  const { rows } = await b.sql.query<{ xid: string }>(
    `SELECT backend_xid::text AS xid FROM pg_stat_activity
     WHERE datname = current_database() AND application_name LIKE 'syncline apply %_stream'
       AND backend_xid IS NOT NULL`,
  );
  return rows[0]?.xid;
}

async function applying(): Promise<string> {
  let xid: string | undefined;
  await eventually('B applies the open transaction', async () => {
    // The session's first one may be one that only prepares it.
    const before = xid;
    xid = await openXid();
    return xid !== undefined && xid === before;
  });
  return xid!;
}

async function equal(): Promise<void> {
  const state = `SELECT md5(coalesce(string_agg(l::text, E'\\n' ORDER BY address), '')) AS hash
    FROM leases.lease AS l`;
  await eventually('both sites are equal', async () => {
    const [one, other] = await Promise.all([a.sql.query(state), b.sql.query(state)]);
    return one.rows[0].hash === other.rows[0].hash;
  });
}

async function count(site: TestSite, condition: string): Promise<number> {
  const { rowCount } = await site.sql.query(`SELECT FROM leases.lease WHERE ${condition}`);
  return rowCount ?? 0;
}

function insert(first: number, rows = ROWS): Promise<unknown> {
  return writer.query(
    `INSERT INTO leases.lease (address, hwaddr, hostname)
     SELECT g, '\\x01', 'host' || g FROM generate_series(${first}, ${first + rows - 1}) AS g`,
  );
}

test('a large transaction is applied while it runs, and seen only when it has committed', async () => {
  await writer.query('BEGIN');
  await insert(1);
  const xid = await applying();
  assert.equal(await count(b, 'true'), 0);
  await writer.query('COMMIT');
  await eventually('B has all', async () => (await count(b, 'true')) === ROWS);
  const { rows } = await b.sql.query('SELECT DISTINCT xmin::text AS xmin FROM leases.lease');
  assert.deepEqual(rows, [{ xmin: xid }]);
  await equal();
});

test('one that is rolled back leaves nothing', async () => {
  await writer.query('BEGIN');
  await writer.query(`UPDATE leases.lease SET note = 'undone'`);
  await applying();
  await writer.query('ROLLBACK');
  await eventually('B rolled back', async () => (await openXid()) === undefined);
  assert.equal(await count(b, `note = 'undone'`), 0);
  await equal();
});

test('a rolled back subtransaction does not count', async () => {
  await writer.query('BEGIN; SAVEPOINT s');
  await writer.query(`UPDATE leases.lease SET note = 'undone'`);
  await applying();
  await writer.query('ROLLBACK TO s');
  await writer.query(`UPDATE leases.lease SET note = 'done' WHERE address > 1000`);
  await writer.query('COMMIT');
  await eventually('B has it', async () => (await count(b, `note = 'done'`)) === ROWS - 1000);
  assert.equal(await count(b, `note = 'undone'`), 0);
  await equal();
});

test('a writer at the target does not wait for the origin, and the conflict is resolved', async () => {
  await writer.query('BEGIN');
  await writer.query(`UPDATE leases.lease SET hostname = 'from-a'`);
  await applying();
  await b.sql.query(`UPDATE leases.lease SET hostname = 'from-b' WHERE address = 5`);
  await writer.query('COMMIT');
  await eventually('B has it', async () => (await count(b, `hostname = 'from-a'`)) === ROWS - 1);
  await equal();
  const { rows } = await b.sql.query(`SELECT type FROM crp.conflict WHERE key->>'address' = '5'`);
  assert.deepEqual(rows, [{ type: 'update' }]);
  assert.equal(await count(a, `hostname = 'from-b'`), 1);
});

test('the target’s agent restarts in the middle', async () => {
  await writer.query('BEGIN');
  await insert(ROWS + 1);
  await applying();
  await b.stop();
  await b.start(a, LEASES);
  await insert(2 * ROWS + 1);
  await writer.query('COMMIT');
  await eventually('B has all', async () => (await count(b, 'true')) === 3 * ROWS);
  await equal();
});

test('the origin’s agent restarts in the middle', async () => {
  await writer.query('BEGIN');
  await writer.query(`UPDATE leases.lease SET note = 'first' WHERE address <= ${ROWS}`);
  await applying();
  await a.stop();
  await a.start(b, LEASES);
  await writer.query(`DELETE FROM leases.lease WHERE address > ${ROWS}`);
  await writer.query('COMMIT');
  await eventually('B has it', async () => (await count(b, 'true')) === ROWS);
  assert.equal(await count(b, `note = 'first'`), ROWS);
  await equal();
});
