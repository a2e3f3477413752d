import assert from 'node:assert/strict';
import { appendFileSync, statSync, truncateSync } from 'node:fs';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import type { Client } from 'pg';
import { connect } from '../../../src/postgres/connect.ts';
import { writeConfig } from '../../../src/site/config/config.ts';
import { siteFolder } from '../../../src/site/config/folder.ts';
import { AgentSite, cli } from '../../support/agents.ts';
import { LEASES } from '../../support/lease-model.ts';
import { eventually } from '../../support/pair.ts';
import { startServer } from '../../support/server.ts';
import type { TestServer } from '../../support/server.ts';

const DAY_MS = 86_400_000;

let server: TestServer;
let one: AgentSite;
let two: AgentSite;
const heard: unknown[] = [];
const posted: { site: string; conflicts: { id: number }[] }[] = [];
let records: Client;
let receiver: Server;

/** A webhook that refuses the first call. */
async function startReceiver(): Promise<string> {
  let calls = 0;
  receiver = createServer((request, response) => {
    let text = '';
    request.on('data', (part: Buffer) => (text += part.toString()));
    request.on('end', () => {
      calls += 1;
      response.statusCode = calls === 1 ? 503 : 204;
      if (calls > 1) posted.push(JSON.parse(text) as (typeof posted)[number]);
      response.end();
    });
  });
  await new Promise<void>((done) => receiver.listen(0, '127.0.0.1', done));
  return `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/conflicts`;
}

before(async () => {
  server = await startServer(18);
  one = await AgentSite.init('one', { adminUrl: await server.createDatabase('a'), model: LEASES });
  const conflicts = { keepMs: 50 * DAY_MS };
  writeConfig(one.dir, { ...one.config, conflicts, notify: { webhook: await startReceiver() } });
  records = await connect(one.config.database.url, 'test records');
  await record('long ago', 60);
  // What earlier runs left: only its end takes room.
  appendFileSync(siteFolder(one.dir).log, '');
  truncateSync(siteFolder(one.dir).log, 65 * 1024 * 1024);
  await one.up();
  two = await AgentSite.join(await one.invite('two', 2), {
    adminUrl: await server.createDatabase('b'),
  });
  await two.up();
});

after(async () => {
  await records?.end();
  await two?.remove();
  await one?.remove();
  receiver.closeAllConnections();
  receiver.close();
  await server.remove();
});

/** Records a settled conflict and a parked one of so many days ago. */
async function record(reason: string, days: number): Promise<void> {
  await records.query(
    `INSERT INTO crp.conflict (detected_at, entity, key, type, method, winner, origin, reason, status)
     SELECT now() - make_interval(days => $2), 'lease', '{}', 'update', 'park', 'local', 2, $1, status
     FROM unnest('{resolved, parked}'::text[]) AS status`,
    [reason, days],
  );
}

async function recorded(reason: string): Promise<string> {
  const { rows } = await records.query<{ all: string }>(
    `SELECT string_agg(status, ' ' ORDER BY id) AS all FROM crp.conflict WHERE reason = $1`,
    [reason],
  );
  return rows[0]!.all;
}

async function note(site: AgentSite, address: number): Promise<string | null | undefined> {
  const { rows } = await site.sql.query<{ note: string | null }>(
    'SELECT note FROM leases.lease WHERE address = $1',
    [address],
  );
  return rows[0]?.note;
}

/** Two sites write one column group of one row at once; returns the conflict's id at the first. */
async function conflict(address: number): Promise<string> {
  await one.sql.query('INSERT INTO leases.lease (address) VALUES ($1)', [address]);
  await eventually('the row is there', async () => (await note(two, address)) === null);
  for (const site of [one, two]) site.proxy.set('cut');
  await one.sql.query(`UPDATE leases.lease SET note = 'one' WHERE address = $1`, [address]);
  await two.sql.query(`UPDATE leases.lease SET note = 'two' WHERE address = $1`, [address]);
  for (const site of [one, two]) site.proxy.set('open');
  let id: string | undefined;
  await eventually('the conflict is recorded', async () => {
    const { rows } = await records.query<{ id: string }>(
      `SELECT id FROM crp.conflict WHERE key->>'address' = $1`,
      [String(address)],
    );
    id = rows[0]?.id;
    return id !== undefined && (await note(two, address)) === 'two';
  });
  return id!;
}

async function resolve(id: string, keep: string): Promise<void> {
  const result = await cli('conflicts', 'resolve', id, '--keep', keep, '--dir', one.dir);
  assert.equal(result.code, 0, result.stderr);
}

async function everywhere(address: number, expected: string): Promise<void> {
  await eventually(`${expected} is everywhere`, async () => {
    const found = await Promise.all([note(one, address), note(two, address)]);
    return found.every((value) => value === expected);
  });
}

test('a log that has become too long begins anew', async () => {
  const { log } = siteFolder(one.dir);
  await eventually('it is cut', () => statSync(log).size < 64 * 1024 * 1024);
  assert.equal(statSync(`${log}.1`).size, 64 * 1024 * 1024);
});

test('an operator is told, and may keep what won or write something else, and all sites follow', async () => {
  // Of somebody else, who may use any channel.
  for (const payload of ['', ", 'not ours'"]) await one.sql.query(`NOTIFY crp_conflict${payload}`);
  const listener = await connect(one.config.database.url, 'test');
  listener.on('notification', (message) => heard.push(JSON.parse(message.payload ?? 'null')));
  await listener.query('LISTEN crp_conflict');
  try {
    const kept = await conflict(1);
    await eventually('the notification came', () => heard.length > 0);
    assert.deepEqual(heard[0], {
      ...{ id: Number(kept), entity: 'lease', type: 'update', status: 'resolved' },
    });
    await eventually('the webhook was told, at the second try', () => posted.length > 0);
    assert.equal(posted[0]?.site, 'one');
    assert.equal(posted[0].conflicts[0]?.id, Number(kept));
    await resolve(kept, 'local');
    await everywhere(1, 'two');
    await resolve(await conflict(2), '{"note": "both"}');
    await everywhere(2, 'both');
  } finally {
    await listener.end();
  }
});

test('a change that a constraint forbids is parked; settled with other values it is everywhere', async () => {
  await one.sql.query('INSERT INTO leases.lease (address) VALUES (10)');
  await eventually('the row is there', async () => (await note(two, 10)) === null);
  const admin = await connect(one.adminUrl, 'test');
  await admin.query(`ALTER TABLE leases.lease ADD CONSTRAINT polite CHECK (note <> 'rude')`);
  await admin.end();
  await two.sql.query(`UPDATE leases.lease SET note = 'rude' WHERE address = 10`);
  await two.sql.query(`INSERT INTO leases.lease (address, note) VALUES (11, 'fine')`);
  await eventually('the other key is not held up', async () => (await note(one, 11)) === 'fine');
  const parked = await cli('conflicts', '--json', '--dir', one.dir);
  const [row] = (JSON.parse(parked.stdout) as { id: string; status: string }[]).filter(
    (candidate) => candidate.status === 'parked',
  );
  const refused = await cli('conflicts', 'resolve', row!.id, '--keep', 'remote', '--dir', one.dir);
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /polite/);
  await resolve(row!.id, '{"note": "kind"}');
  await everywhere(10, 'kind');
});

test('what cannot be settled so is refused with what can', async () => {
  const unknown = await cli('conflicts', 'resolve', '999', '--keep', 'local', '--dir', one.dir);
  assert.match(unknown.stderr, /CONFLICT_UNKNOWN/);
  const id = await conflict(20);
  const column = await cli('conflicts', 'resolve', id, '--keep', '{"x": 1}', '--dir', one.dir);
  assert.match(column.stderr, /"x" is not a column[^]*address, hwaddr, hostname, note, renewals/);
  const choice = await cli('conflicts', 'resolve', id, '--keep', 'mine', '--dir', one.dir);
  assert.match(choice.stderr, /OPTION_INVALID/);
});

test('an operator keeps the row that is there against the one that waits, and all sites follow', async () => {
  await one.sql.query(`INSERT INTO leases.lease (address, note) VALUES (30, 'mild')`);
  await eventually('the row is there', async () => (await note(two, 30)) === 'mild');
  await two.sql.query(`UPDATE leases.lease SET note = 'rude', renewals = 7 WHERE address = 30`);
  let id: string | undefined;
  await eventually('it is parked', async () => {
    const { rows } = await records.query<{ id: string }>(
      `SELECT id FROM crp.conflict WHERE key->>'address' = '30' AND status = 'parked'`,
    );
    id = rows[0]?.id;
    return id !== undefined;
  });
  await resolve(id!, 'local');
  await everywhere(30, 'mild');
  await eventually('what was added stays, and nothing waits', async () => {
    const { rows } = await records.query<{ v: string }>(
      `SELECT concat_ws(' ', renewals, (SELECT count(*) FROM crp.waiting)) AS v FROM leases.lease
       WHERE address = 30`,
    );
    return rows[0]?.v === '7 0';
  });
});

test('records of settled conflicts go after a time, by the agent and when an operator asks; parked ones stay', async () => {
  await eventually('the agent has', async () => (await recorded('long ago')) === 'parked');
  await record('a month ago', 30);
  await record('now', 0);
  const prune = (...args: string[]): ReturnType<typeof cli> =>
    cli('conflicts', 'prune', ...args, '--dir', one.dir);
  const wrong = await prune('--older-than', '0d');
  assert.match(wrong.stderr, /--older-than must be at least 1h.*OPTION_INVALID/);
  assert.equal(await recorded('a month ago'), 'resolved parked');
  const { stdout } = await prune('--older-than', '20d');
  assert.equal(stdout, 'records of settled conflicts that were deleted: 1\n');
  assert.equal(await recorded('a month ago'), 'parked');
  assert.equal(await recorded('now'), 'resolved parked');
  await records.query(`DELETE FROM crp.conflict WHERE key = '{}'`);
});
