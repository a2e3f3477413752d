import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Client } from 'pg';
import { connect } from '../../../src/postgres/connect.ts';
import { useReplicationOrigin } from '../../../src/postgres/origin.ts';
import { writeConfig } from '../../../src/site/config/config.ts';
import { AgentSite, cli } from '../../support/agents.ts';
import { eventually } from '../../support/pair.ts';
import { modelOf } from '../../support/rules-model.ts';
import { startServer } from '../../support/server.ts';
import type { TestServer } from '../../support/server.ts';

const MODEL = modelOf(`
  list pool {
    key name;
    crp:entity "pool";
    leaf name { type string; }
    leaf first { type uint32; mandatory true; }
    leaf last { type uint32; mandatory true; }
    leaf site { type string; mandatory true; }
  }
  list lease {
    key address;
    crp:entity "lease" {
      crp:column-group "name";
      crp:expires-at "expires" { crp:grace "PT1S"; }
      crp:claim "pool" { crp:key-range "first last"; crp:owner-leaf "site"; }
      crp:after-apply "leases_changed";
    }
    leaf address { type uint32; }
    leaf expires { type yang:date-and-time; }
    leaf host { type string; crp:in-group "name"; }
    leaf renewals { type uint32; default 0; crp:resolve "crp:additive"; }
  }`);

let server: TestServer;
let one: AgentSite;
let two: AgentSite;
const scratch = mkdtempSync(join(tmpdir(), 'crp-rules-'));
const heard = join(scratch, 'heard');

before(async () => {
  server = await startServer(18);
  one = await AgentSite.init('one', { adminUrl: await server.createDatabase('a'), model: MODEL });
  await one.up();
  const adminUrl = await server.createDatabase('b');
  two = await AgentSite.join(await one.invite('two', 2), { adminUrl });
  writeFileSync(heard, '');
  const program = `process.stdin.on('data', (d) => require('fs').appendFileSync(process.argv[1], d))`;
  const lease = [process.execPath, '-e', program, heard];
  writeConfig(two.dir, { ...two.currentConfig(), afterApply: { lease } });
  await two.up();
  await one.sql.query(
    `INSERT INTO test.pool VALUES ('low', 1, 99, 'one'), ('high', 100, 199, 'two')`,
  );
  await eventually(
    'the pools are at both',
    async () => (await two.sql.query('SELECT FROM test.pool')).rowCount === 2,
  );
});

after(async () => {
  await one?.remove();
  await two?.remove();
  await server?.remove();
  rmSync(scratch, { recursive: true, force: true });
});

async function lease(site: AgentSite, address: number): Promise<string | undefined> {
  const { rows } = await site.sql.query<{ v: string }>(
    `SELECT concat_ws(' ', host, renewals) AS v FROM test.lease WHERE address = $1`,
    [address],
  );
  return rows[0]?.v;
}

const both = (address: number, wanted: string | undefined): Promise<void> =>
  eventually(`lease ${address} is ${wanted} at both`, async () => {
    return (await lease(one, address)) === wanted && (await lease(two, address)) === wanted;
  });

const insert = (site: AgentSite, address: number, seconds: number, host = 'h'): Promise<unknown> =>
  site.sql.query(`INSERT INTO test.lease VALUES ($1, now() + $2 * interval '1 second', $3)`, [
    address,
    seconds,
    host,
  ]);

/** A session whose writes are neither stamped nor captured. */
async function unnoticed(site: AgentSite): Promise<Client> {
  const client = await connect(site.config.database.url, 'test');
  await useReplicationOrigin(client, 'crp_test_unnoticed');
  await client.query('SET session_replication_role = replica');
  return client;
}

const sql = (site: AgentSite, text: string): Promise<unknown> => site.sql.query(text);

async function conflicts(site: AgentSite): Promise<string[]> {
  const client = await connect(site.config.database.url, 'test');
  const { rows } = await client.query<{ v: string }>(
    `SELECT concat_ws(' ', key->>'address', type) AS v FROM crp.conflict ORDER BY id`,
  );
  await client.end();
  return rows.map(({ v }) => v);
}

test('a key is inserted at the site that its range names; every site may change and delete the row', async () => {
  await assert.rejects(
    insert(one, 150, 3600),
    (error: Error & { code?: string; hint?: string }) => {
      assert.equal(error.code, '42501');
      assert.match(error.message, /the key 150 of "lease" belongs to site "two"/);
      return /Insert it at site "two"/.test(error.hint ?? '');
    },
  );
  await assert.rejects(insert(one, 300, 3600), /the key 300 of "lease" is in no range of "pool"/);
  await insert(two, 150, 3600, 'x');
  await both(150, 'x 0');
  await one.sql.query(
    `INSERT INTO test.lease VALUES (150, now() + interval '2 hours', 'y')
     ON CONFLICT (address) DO UPDATE SET expires = excluded.expires, host = excluded.host`,
  );
  await both(150, 'y 0');
  await assert.rejects(
    one.sql.query('UPDATE test.lease SET address = 151 WHERE address = 150'),
    /belongs to site "two"/,
  );
  await one.sql.query('DELETE FROM test.lease WHERE address = 150');
  await both(150, undefined);
});

test('after rows were applied the channel is notified and the program runs, with their keys', async () => {
  const client = await connect(two.config.database.url, 'test listen');
  const payloads: unknown[] = [];
  client.on('notification', ({ payload }) => payloads.push(JSON.parse(payload!)));
  await client.query('LISTEN leases_changed');
  await one.sql.query(
    `INSERT INTO test.lease SELECT g, now() + interval '1 hour' FROM generate_series(10, 12) AS g`,
  );
  await eventually('the listener hears of it', () => payloads.length > 0);
  assert.deepEqual(payloads, [{ entity: 'lease', rows: 3, keys: [['10'], ['11'], ['12']] }]);
  await eventually('the program hears of it', () => readFileSync(heard, 'utf8').includes('["10"]'));
  const lines = readFileSync(heard, 'utf8').trim().split('\n');
  assert.deepEqual(JSON.parse(lines[0]!), { entity: 'lease', rows: null, keys: null });
  await insert(two, 110, 3600);
  await both(110, 'h 0');
  assert.equal(payloads.length, 1, 'what the site writes itself is no news');
  await client.end();
  await eventually('the program has run', async () => {
    const [status] = (await two.status()).afterApply;
    return status?.state === 'waiting' && status.runs >= 2;
  });
});

test('an expired row is removed at every site, without a tombstone, a conflict or a batch', async () => {
  await one.sql.query(
    `INSERT INTO test.lease SELECT a, now() + s * interval '1 second', 'h'
     FROM (VALUES (20, 1), (30, 50), (40, 50)) AS v(a, s)`,
  );
  for (const address of [20, 30, 40]) await both(address, 'h 0');
  await both(20, undefined);
  const client = await connect(two.config.database.url, 'test');
  const dead = await client.query('SELECT FROM crp.test_lease_tombstone WHERE address = 20');
  assert.equal(dead.rowCount, 0);
  await client.end();
  // The key is free again, and nothing of the first row is left.
  await insert(one, 20, 3600, 'new');
  await both(20, 'new 0');
  assert.deepEqual((await conflicts(one)).concat(await conflicts(two)), []);
});

test('a renewal wins over a removal, also one that comes later; no site forgets what others do not know', async () => {
  await sql(
    one,
    `UPDATE test.lease SET expires = now() + interval '1 hour' WHERE address IN (30, 40)`,
  );
  await sql(one, `INSERT INTO test.lease VALUES (41, now(), 'over')`);
  await both(41, undefined);
  for (const site of [one, two]) site.proxy.set('cut');
  await sql(
    one,
    `UPDATE test.lease SET expires = now() + interval '2 hours', renewals = renewals + 1
     WHERE address IN (30, 40)`,
  );
  await sql(
    two,
    `UPDATE test.lease SET host = 'late', renewals = renewals + 10 WHERE address = 30`,
  );
  // An hour passes at two, which did not hear of the renewal.
  const time = await unnoticed(two);
  await time.query(
    `UPDATE test.lease SET expires = now() - interval '2 seconds'
     WHERE address IN (30, 40)`,
  );
  await time.end();
  await eventually('two removes 40 at its time', async () => {
    return (await lease(two, 40)) === undefined;
  });
  assert.equal(await lease(two, 30), 'late 10', 'what one does not know yet stays');
  for (const site of [one, two]) site.proxy.set('open');
  await both(30, 'late 11');
  await both(40, 'h 1');
  const found = (await conflicts(two)).filter((text) => text.startsWith('40'));
  assert.deepEqual(found, []);
});

test('rows that expire soon are not compared: one that a site has removed already is no difference', async () => {
  await insert(one, 50, 50);
  await both(50, 'h 0');
  const client = await unnoticed(two);
  await client.query('DELETE FROM test.lease WHERE address = 50');
  const equal = async (): Promise<boolean> => {
    const verified = await cli('verify', '--dir', one.dir, '--json');
    return (JSON.parse(verified.stdout) as { equal: boolean }).equal;
  };
  assert.equal(await equal(), true);
  await client.query('DELETE FROM test.lease WHERE address = 20');
  assert.equal(await equal(), false);
  await client.end();
});
