import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Client } from 'pg';
import { connect, withConnection } from '../../../src/postgres/connect.ts';
import { AgentSite, cli, refused, startCli } from '../../support/agents.ts';
import type { RunningCli } from '../../support/agents.ts';
import { LEASES } from '../../support/lease-model.ts';
import { eventually } from '../../support/pair.ts';
import { freePort, startServer } from '../../support/server.ts';
import type { TestServer } from '../../support/server.ts';

/** `init` and `join` that do not come to their end leave nothing of theirs, and everything that was there before. */

let server: TestServer;
let folder: string;
let model: string;

before(async () => {
  server = await startServer(18);
  folder = mkdtempSync(join(tmpdir(), 'crp-interrupted-'));
  // As root the server is another user's process, whose data would be elsewhere if it could not get here.
  chmodSync(folder, 0o755);
  model = join(folder, 'leases.json');
  writeFileSync(model, JSON.stringify(LEASES));
});

after(async () => {
  await server.remove();
  rmSync(folder, { recursive: true, force: true });
});

function init(dir: string, ...args: string[]): RunningCli {
  return startCli('init', '--site', 'here', '--model', model, '--dir', dir, ...args);
}

/** Ends the command as Ctrl-C does; it says that nothing was made. */
async function interrupt(running: RunningCli): Promise<void> {
  running.child.kill('SIGINT');
  const { code, stderr } = await running.ended;
  assert.equal(code, 1, stderr);
  assert.match(stderr, /was not made \[INTERRUPTED\]/);
}

/** Nothing of the site is in the server. */
async function untouched(dsn: string, site: string): Promise<void> {
  await withConnection(dsn, 'test', async (client) => {
    const { rows } = await client.query<{ what: string }>(
      `SELECT rolname AS what FROM pg_roles WHERE rolname LIKE 'syncline\\_' || $1 || '\\_%'
       UNION ALL SELECT slot_name FROM pg_replication_slots WHERE slot_name LIKE '%\\_' || $1
       UNION ALL SELECT nspname FROM pg_namespace WHERE nspname IN ('crp', $2)`,
      [site, LEASES.schema],
    );
    assert.deepEqual(rows, []);
  });
}

test('a database or a key whose configuration is gone is refused and stays', async () => {
  const dir = join(folder, 'kept');
  const data = join(dir, 'postgres', 'PG_VERSION');
  mkdirSync(join(dir, 'postgres'), { recursive: true });
  writeFileSync(data, '18\n');
  refused(await init(dir).ended, 'SITE_EXISTS', /remove the folder if it is not needed/);
  assert.equal(readFileSync(data, 'utf8'), '18\n');

  const key = join(dir, 'tls', 'group.key');
  mkdirSync(join(dir, 'tls'));
  writeFileSync(key, 'a key');
  refused(await init(dir).ended, 'SITE_EXISTS', /Put syncline\.yaml back/);
  assert.equal(readFileSync(key, 'utf8'), 'a key');
});

test('a folder that cannot be made is named before the database is touched', async () => {
  const dsn = await server.createDatabase('nofolder');
  const result = await init(join(model, 'site'), '--database', dsn).ended;
  refused(result, 'FOLDER_UNWRITABLE', /--dir FOLDER/);
  await untouched(dsn, 'here');
});

test('init on an embedded server is interrupted: its folder and its server are gone', async () => {
  const dir = join(folder, 'embedded');
  const running = init(dir, '--database-port', String(await freePort()));
  await eventually('initdb has begun', () => existsSync(join(dir, 'postgres', 'PG_VERSION')));
  await interrupt(running);
  assert.ok(!existsSync(dir));
});

test('init waits for an open transaction: it says so, and interrupted it leaves nothing', async () => {
  const dsn = await server.createDatabase('open');
  const dir = join(folder, 'open');
  const other = await connect(dsn, 'nightly report');
  try {
    await other.query('BEGIN');
    await other.query('SELECT pg_current_xact_id()');
    const running = init(dir, '--database', dsn);
    await eventually('the transaction is named', () =>
      /open before: process \d+ \(nightly report, database open\)/.test(running.result.stderr),
    );
    await interrupt(running);
    await untouched(dsn, 'here');
    assert.ok(!existsSync(dir));
  } finally {
    await other.end();
  }
  const again = await init(dir, '--database', dsn).ended;
  assert.equal(again.code, 0, again.stderr);
});

test('a join is interrupted, and its giver dies, in the middle of the copy: the same invitation is good again', async () => {
  const giver = await AgentSite.init('giver', {
    adminUrl: await server.createDatabase('giver'),
    model: LEASES,
  });
  const locker = await connect(giver.adminUrl, 'locker');
  try {
    await giver.up();
    const dsn = await server.createDatabase('taker');
    const dir = join(folder, 'taker');
    const invitation = join(folder, 'taker.invitation');
    const invited = await cli('invite', 'taker', '--dir', giver.dir);
    writeFileSync(invitation, invited.stdout);
    const listen = `127.0.0.1:${await freePort()}`;
    const taking = (): RunningCli =>
      startCli('join', invitation, '--dir', dir, '--database', dsn, '--listen', listen);

    await locked(locker, async () => {
      const running = taking();
      await waiting(giver.adminUrl);
      await interrupt(running);
    });
    await untouched(dsn, 'taker');
    assert.ok(!existsSync(dir));

    await locked(locker, async () => {
      const running = taking();
      await waiting(giver.adminUrl);
      await giver.end('SIGKILL');
      refused(await running.ended, 'LINK_CLOSED', /./);
    });
    await untouched(dsn, 'taker');
    await giver.up();
    const joined = await taking().ended;
    assert.equal(joined.code, 0, joined.stderr);
  } finally {
    await locker.end();
    await giver.remove();
  }
});

/** Runs `work` while the giver's table cannot be read, so that a copy of it stands still. */
async function locked(locker: Client, work: () => Promise<void>): Promise<void> {
  const { schema, name } = LEASES.entities[0]!.table;
  await locker.query(`BEGIN; LOCK TABLE ${schema}.${name} IN ACCESS EXCLUSIVE MODE`);
  try {
    await work();
  } finally {
    await locker.query('ROLLBACK');
  }
}

/** The giver's side of the copy waits. */
async function waiting(dsn: string): Promise<void> {
  await withConnection(dsn, 'test', (client) =>
    eventually('the copy waits', async () => {
      const { rows } = await client.query(
        `SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock'
           AND application_name = 'syncline base copy' AND datname = current_database()`,
      );
      return rows.length > 0;
    }),
  );
}
