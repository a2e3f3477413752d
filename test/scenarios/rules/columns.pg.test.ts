import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { connect } from '../../../src/postgres/connect.ts';
import { digests } from '../../../src/repair/digest.ts';
import { settleConflict } from '../../../src/site/upkeep/settle.ts';
import { eventually, TestSite } from '../../support/pair.ts';
import { modelOf } from '../../support/rules-model.ts';
import { startServer } from '../../support/server.ts';
import type { TestServer } from '../../support/server.ts';

const MODEL = modelOf(`
  list zone {
    key name;
    crp:entity "zone" { crp:ownership "site"; }
    leaf name { type string; }
    leaf note { type string; }
    leaf serial { type uint32; mandatory true; }
    container state {
      crp:site-local;
      leaf last-check { type uint32; default 0; }
      leaf blob { type string; }
    }
    leaf label { type string; crp:derived "upper(name) || ':' || serial"; }
    leaf seen { type string; crp:derived "current_setting('application_name') || coalesce(note, '')"; }
    list tally {
      key day;
      crp:entity "tally" { crp:site-local; crp:on-orphan "keep"; }
      leaf day { type uint32; }
      leaf count { type uint32; default 0; }
    }
  }
  list account {
    key id;
    crp:entity "account";
    leaf id { type uint32; }
    leaf password { type string; crp:secret; }
    leaf step { type uint32; default 0; crp:secret; crp:resolve "crp:maximum"; }
    leaf name { type string; }
  }`);

let server: TestServer;
let a: TestSite;
let b: TestSite;

before(async () => {
  server = await startServer(18);
  a = await TestSite.create(1, await server.createDatabase('rules_a'), MODEL);
  b = await TestSite.create(2, await server.createDatabase('rules_b'), MODEL);
  for (const { sql } of [a, b]) {
    await sql.query(
      `INSERT INTO crp.member (name, number, state) VALUES ('site1', 1, 'active'), ('site2', 2, 'active')`,
    );
  }
  await a.start(b, MODEL);
  await b.start(a, MODEL);
});

after(async () => {
  await a?.remove();
  await b?.remove();
  await server?.remove();
});

type Row = Record<string, unknown>;

async function row(site: TestSite, name: string): Promise<Row | undefined> {
  const { rows } = await site.sql.query<Row>(
    'SELECT note, serial::integer, state_last_check::integer AS checked, state_blob AS blob, label, seen FROM test.zone WHERE name = $1',
    [name],
  );
  return rows[0];
}

const at = (site: TestSite, name: string, wanted: Row): Promise<void> =>
  eventually(`${name} is ${JSON.stringify(wanted)}`, async () => {
    const found = await row(site, name);
    return Object.entries(wanted).every(([column, value]) => found?.[column] === value);
  });

test('values of a site-local column stay at their site; those of a derived one are computed at each', async () => {
  await a.sql.query(
    `INSERT INTO test.zone (name, serial, state_last_check, state_blob) VALUES ('x', 1, 77, 'mine')`,
  );
  await at(b, 'x', { serial: 1, checked: 0, blob: null, label: 'X:1' });
  assert.equal((await row(a, 'x'))!['checked'], 77);
  await b.sql.query(`UPDATE test.zone SET state_last_check = 88, state_blob = repeat('b', 100000)`);
  await a.sql.query(`UPDATE test.zone SET serial = 2, note = 'n', state_last_check = 78`);
  await at(b, 'x', { serial: 2, note: 'n', checked: 88, label: 'X:2' });
  // The expression is not immutable, so a trigger fills the column: at b in the session that applies.
  assert.match(String((await row(b, 'x'))!['seen']), /^syncline apply .*n$/);
  assert.equal((await row(a, 'x'))!['seen'], 'testn');
});

test('an update of site-local columns only is no change: no stamp, nothing shipped', async () => {
  const stamps = 'SELECT _crp_birth, _crp_row FROM test.zone';
  const before = await a.sql.query(stamps);
  const shipped = a.journal.position(1);
  await a.sql.query('UPDATE test.zone SET state_last_check = state_last_check + 1');
  // The site that did not insert the row owns its own columns of it.
  await b.sql.query('UPDATE test.zone SET state_last_check = state_last_check + 1');
  await assert.rejects(b.sql.query('UPDATE test.zone SET serial = 9'), /belongs to site/);
  await a.sql.query(`INSERT INTO test.zone (name, serial) VALUES ('y', 1)`);
  await at(b, 'y', { serial: 1 });
  assert.deepEqual((await a.sql.query(stamps)).rows[0], before.rows[0]);
  assert.ok(a.journal.position(1) > shipped);
  // What is shipped may not be on disk yet, and only that is counted.
  await a.journal.flush();
  assert.equal(a.journal.count(1, shipped), 1, 'only the insert');
  assert.equal((await row(a, 'x'))!['checked'], 79);
});

test('sites with different site-local values are equal, and no value of theirs is in a batch', async () => {
  assert.deepEqual(await digests(a.sql, [MODEL]), await digests(b.sql, [MODEL]));
  const stop = new AbortController();
  let left = a.journal.count(1, 0n);
  assert.ok(left > 0);
  for await (const entry of a.journal.follow(1, 0n, { signal: stop.signal })) {
    if (entry.kind !== 'batch') continue;
    assert.equal(entry.batch.bytes.indexOf('mine'), -1);
    if (--left === 0) stop.abort();
  }
});

test('a site-local table has rows of its site only', async () => {
  await a.sql.query(`INSERT INTO test.tally (zone, day, count) VALUES ('x', 1, 5)`);
  await a.sql.query(`UPDATE test.zone SET serial = 3 WHERE name = 'x'`);
  await at(b, 'x', { serial: 3 });
  assert.equal((await b.sql.query('SELECT FROM test.tally')).rowCount, 0);
  const { rows } = await a.sql.query(
    `SELECT FROM pg_attribute WHERE attrelid = 'test.tally'::regclass AND attname LIKE '\\_crp%'`,
  );
  assert.equal(rows.length, 0);
});

test('a secret is replicated, and neither in the record of a conflict nor in an error', async () => {
  const { sql } = a;
  const password = async (site: TestSite): Promise<unknown> =>
    (await site.sql.query<Row>('SELECT password, name FROM test.account')).rows[0];
  await sql.query(`INSERT INTO test.account VALUES (1, 'hunter2', 5, 'ann')`);
  await eventually('the account is at both', async () => (await password(b)) !== undefined);
  await a.stop();
  await b.stop();
  await sql.query(`UPDATE test.account SET password = 'sesame-a'`);
  await b.sql.query(`UPDATE test.account SET password = 'sesame-b', name = 'bea'`);
  await a.start(b, MODEL);
  await b.start(a, MODEL);
  const wanted = { password: 'sesame-b', name: 'bea' };
  await eventually('the later change is at both', async () => {
    const both = [await password(a), await password(b)];
    return both.every((one) => JSON.stringify(one) === JSON.stringify(wanted));
  });
  for (const site of [a, b]) {
    const find = `SELECT id, c::text AS t, local_row AS l FROM crp.conflict AS c WHERE entity = 'account'`;
    // The site whose change won had the row as it is wanted before it applied the other change.
    await eventually(
      'the conflict is recorded',
      async () => (await site.sql.query(find)).rowCount === 1,
    );
    const { rows } = await site.sql.query<{ id: string; t: string; l: Row }>(find);
    assert.doesNotMatch(rows[0]!.t, /sesame|hunter/);
    assert.deepEqual(rows[0]!.l['password'], { secret: true });
  }
  await assert.rejects(
    sql.query('UPDATE test.account SET step = 4'),
    /from \(secret\) to \(secret\)/,
  );
});

test('a conflict with a secret is settled with values; what is not given keeps its value', async () => {
  const client = await connect(a.dsn, 'test settle');
  await client.query(
    `INSERT INTO crp.model (name, revision, hash, ir) VALUES ('m', '1', 'h', $1)`,
    [JSON.stringify(MODEL)],
  );
  const { rows } = await client.query<{ id: string }>(
    `SELECT id FROM crp.conflict WHERE entity = 'account'`,
  );
  const id = Number(rows[0]!.id);
  await assert.rejects(settleConflict(client, id, { image: 'remote' }), /"password" is a secret/);
  await settleConflict(client, id, { values: { name: 'cy' } });
  const row = await client.query('SELECT password, name FROM test.account');
  assert.deepEqual(row.rows, [{ password: 'sesame-b', name: 'cy' }]);
  await client.end();
});
