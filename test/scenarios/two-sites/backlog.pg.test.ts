import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import fc from 'fast-check';
import { Client } from 'pg';
import { connect, withConnection } from '../../../src/postgres/connect.ts';
import { useReplicationOrigin } from '../../../src/postgres/origin.ts';
import { LEASES } from '../../support/lease-model.ts';
import { eventually, TestSite } from '../../support/pair.ts';
import { startServer } from '../../support/server.ts';
import type { TestServer } from '../../support/server.ts';
import { SEED } from '../../support/seed.ts';

/*
 * A backlog of several folds, which two sessions of the applier take in turns (src/apply/turns.ts): every row is in
 * more than one of them, with additions, which would show what is applied twice or not at all.
 */

const ROWS = 20_000;
const ROUNDS = 3;
/** Rows a transaction, so that none is large enough to be sent while it runs. */
const PART = 2_000;
const AHEAD = `application_name LIKE 'syncline apply %_ahead'`;

let servers: TestServer[];
let a: TestSite;
let b: TestSite;
let number = 0;

before(async () => {
  const settings = { max_active_replication_origins: '50' };
  servers = [await startServer(18), await startServer(18, settings)];
});

after(async () => {
  await a?.remove();
  await b?.remove();
  for (const server of servers ?? []) await server.remove();
});

beforeEach(async () => {
  await a?.remove();
  await b?.remove();
  number += 1;
  a = await TestSite.create(1, await servers[0]!.createDatabase(`a${number}`), LEASES);
  b = await TestSite.create(2, await servers[1]!.createDatabase(`b${number}`), LEASES);
  await a.start(b, LEASES);
  await b.start(a, LEASES);
  await a.sql.query(
    `INSERT INTO leases.lease (address, hostname) SELECT g, 'host-' || g FROM generate_series(1, $1) AS g`,
    [ROWS],
  );
  await eventually('b has the rows', async () => (await counts(b.sql)) === (await counts(a.sql)));
  await b.stop();
  await backlog();
});

/** What B finds when it is back: additions in each round, a rename, deletes in the last. */
async function backlog(): Promise<void> {
  for (let round = 1; round <= ROUNDS; round++) {
    for (let first = 1; first <= ROWS; first += PART) {
      await a.sql.query(
        `UPDATE leases.lease SET renewals = renewals + 1, hostname = 'round-' || $3::text || '-' || address
         WHERE address BETWEEN $1 AND $2`,
        [first, first + PART - 1, round],
      );
    }
  }
  await a.sql.query('DELETE FROM leases.lease WHERE address % 100 = 0');
  // Meanwhile B has written too: these rows are for merge.
  await b.sql.query(`UPDATE leases.lease SET renewals = renewals + 10 WHERE address % 50 = 1`);
  await b.sql.query(`UPDATE leases.lease SET note = 'b' WHERE address % 50 = 2`);
}

/** Rows, additions and notes of B in short, which is asked often. */
async function counts(sql: Client): Promise<string> {
  const { rows } = await sql.query<{ v: string }>(
    `SELECT count(*) || ' ' || sum(renewals) || ' ' || count(note) AS v FROM leases.lease`,
  );
  return rows[0]!.v;
}

async function summary(sql: Client): Promise<string> {
  const { rows } = await sql.query<{ v: string }>(
    `SELECT md5(string_agg(l::text, ',' ORDER BY address)) AS v FROM leases.lease AS l`,
  );
  return rows[0]!.v;
}

/** Both sites are equal and have each addition once. */
async function complete(): Promise<void> {
  const left = ROWS - ROWS / 100;
  const expected = `${left} ${left * ROUNDS + 10 * (ROWS / 50)} ${ROWS / 50}`;
  await withConnection(b.dsn, 'check', async (sql) => {
    for (const site of [sql, a.sql])
      await eventually('both sites have all', async () => (await counts(site)) === expected);
    await eventually(
      'both sites are equal',
      async () => (await summary(a.sql)) === (await summary(sql)),
    );
  });
}

test('a backlog is staged in one session while the other writes, and each change is applied once', async () => {
  await b.start(a, LEASES);
  await complete();
  const { rows } = await b.sql.query(`SELECT state FROM pg_stat_activity WHERE ${AHEAD}`);
  assert.deepEqual(rows, [{ state: 'idle' }]);
});

test('where the second session cannot be had one does it all', async () => {
  await withConnection(b.dsn, 'in the way', async (sql) => {
    await useReplicationOrigin(sql, 'crp_site2_1_ahead');
    await b.start(a, LEASES);
    await complete();
    const { rowCount } = await b.sql.query(`SELECT FROM pg_stat_activity WHERE ${AHEAD}`);
    assert.equal(rowCount, 0);
  });
});

test('the last replication origins of a server are left to others', async () => {
  await b.sql.query(`SELECT pg_replication_origin_drop('crp_site2_1_ahead')`);
  await b.sql.query(
    `SELECT pg_replication_origin_create('other_' || g) FROM generate_series(1, 42) AS g`,
  );
  await b.start(a, LEASES);
  await complete();
  const { rows } = await b.sql.query(
    `SELECT pg_replication_origin_drop(roname) FROM pg_replication_origin WHERE roname LIKE 'other%'`,
  );
  assert.equal(rows.length, 42);
  const { rowCount } = await b.sql.query(
    `SELECT FROM pg_replication_origin WHERE roname = 'crp_site2_1_ahead'`,
  );
  assert.equal(rowCount, 0);
});

test('nothing is applied while a session of an earlier connection could still commit', async () => {
  const late = new Client({
    connectionString: b.dsn,
    application_name: 'syncline apply crp_site2_1_stream',
  });
  await late.connect();
  try {
    await b.start(a, LEASES);
    await eventually('it waits', () => b.applier?.status().state === 'retrying');
    assert.match(b.applier!.status().lastError!.message, /earlier connection has not ended/);
  } finally {
    await late.end();
  }
  await complete();
});

test(`sessions that end in the middle lose nothing (seed ${SEED})`, async () => {
  const moments = fc.sample(fc.integer({ min: 1, max: ROUNDS * 2 - 1 }), {
    seed: SEED,
    numRuns: 4,
  });
  await b.start(a, LEASES);
  for (const [index, moment] of moments.entries()) {
    await applied(moment);
    const which =
      index % 2 === 0 ? AHEAD : `application_name LIKE 'syncline apply crp\\_site2\\_1'`;
    await b.sql.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE ${which}`);
  }
  await complete();
});

test(`a crash of the server in the middle loses nothing (seed ${SEED})`, async () => {
  const moments = fc.sample(fc.integer({ min: 1, max: ROUNDS * 2 - 1 }), {
    seed: SEED,
    numRuns: 3,
  });
  await b.start(a, LEASES);
  for (const moment of moments) {
    await applied(moment);
    await servers[1]!.cluster.stop('immediate');
    await servers[1]!.cluster.start();
  }
  await complete();
});

/** Waits until so many eighths of the additions are applied, as far as they ever are. */
async function applied(eighths: number): Promise<void> {
  const sql = await connect(b.dsn, 'check');
  try {
    await eventually('the backlog is applied so far', async () => {
      const { rows } = await sql.query<{ done: string }>(
        'SELECT coalesce(sum(renewals), 0) AS done FROM leases.lease',
      );
      return Number(rows[0]!.done) >= (eighths * ROWS * ROUNDS) / (ROUNDS * 2);
    });
  } finally {
    await sql.end();
  }
}
