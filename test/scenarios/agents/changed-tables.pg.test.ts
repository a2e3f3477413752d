import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { connect, withConnection } from '../../../src/postgres/connect.ts';
import { AgentSite, cli } from '../../support/agents.ts';
import { LEASES } from '../../support/lease-model.ts';
import { eventually } from '../../support/pair.ts';
import type { ErrorNote } from '../../../src/base/errors.ts';
import { startServer } from '../../support/server.ts';
import type { TestServer } from '../../support/server.ts';
import { equalSites, twoSites } from '../../support/site-group.ts';

/* What services and administrators do at one site behind the agent's back, while both sites write, and undo again. */

let server: TestServer;
const sites: AgentSite[] = [];

before(async () => {
  server = await startServer(18, { max_prepared_transactions: '2' });
  await twoSites(sites, server, LEASES);
});

after(async () => {
  for (const site of sites) await site.remove();
  await server?.remove();
});

function alter(site: AgentSite, sql: string): Promise<unknown> {
  return withConnection(site.adminUrl, 'test', (client) => client.query(sql));
}

/** In a session of its own: one that fired a trigger before cannot after a column has another type (docs/operating/adopt.md). */
function write(site: AgentSite, sql: string): Promise<unknown> {
  return withConnection(site.config.database.serviceUrl, 'test', (client) => client.query(sql));
}

async function arrives(site: AgentSite, address: number): Promise<void> {
  await eventually(`lease ${address} is at ${site.config.site}`, async () => {
    const { rowCount } = await site.sql.query('SELECT FROM leases.lease WHERE address = $1', [
      address,
    ]);
    return rowCount === 1;
  });
}

function isOf(error: ErrorNote | undefined, code: string): boolean {
  return error?.message.includes(`[${code}]`) === true;
}

/** Waits until a site says that the other one captures again, and nothing of its error any more. */
async function captures(site: AgentSite, other: AgentSite): Promise<void> {
  await eventually(`capture of ${other.config.site} runs, says ${site.config.site}`, async () => {
    const { capture, lastError } = (await site.status()).peers[0]!;
    return capture?.state === 'running' && lastError?.message.startsWith('capture at one') !== true;
  });
}

async function parked(site: AgentSite): Promise<number> {
  return (await site.status()).conflicts!.parked;
}

test('a column is narrower at one site: what has no room there waits, all else goes on', async () => {
  const [one, two] = sites as [AgentSite, AgentSite];
  await write(one, `INSERT INTO leases.lease (address, note) VALUES (1, 'a'), (2, 'b')`);
  await equalSites(sites, [LEASES]);
  await alter(
    two,
    'ALTER TABLE leases.lease ALTER note TYPE varchar(4), ALTER renewals TYPE integer',
  );
  await write(
    one,
    `UPDATE leases.lease SET note = 'too long' WHERE address = 1;
     UPDATE leases.lease SET renewals = renewals + 3000000000 WHERE address = 2;
     INSERT INTO leases.lease (address, note, renewals) VALUES (3, 'c', 7)`,
  );
  await arrives(two, 3);
  await write(two, `UPDATE leases.lease SET renewals = renewals + 1 WHERE address = 2`);
  await write(two, `INSERT INTO leases.lease (address, note, renewals) VALUES (4, 'd', 8)`);
  await arrives(one, 4);
  await eventually('both wait', async () => (await parked(two)) === 2);
  await alter(two, 'ALTER TABLE leases.lease ALTER note TYPE text, ALTER renewals TYPE bigint');
  await equalSites(sites, [LEASES]);
  const { rows } = await one.sql.query(
    `SELECT note, renewals::float8 AS n FROM leases.lease WHERE address < 3 ORDER BY address`,
  );
  assert.deepEqual(rows, [
    { note: 'too long', n: 0 },
    { note: 'b', n: 3_000_000_001 },
  ]);
});

test('a column is gone at one site: apply waits for it, and does not write rows without it', async () => {
  const [one, two] = sites as [AgentSite, AgentSite];
  await two.end('SIGTERM');
  await alter(two, 'ALTER TABLE leases.lease RENAME COLUMN note TO remark');
  await two.up();
  await write(one, `UPDATE leases.lease SET note = 'kept' WHERE address = 1`);
  await eventually('apply says what it lacks', async () =>
    /"leases.lease" here lacks column "note" \[TABLE_CHANGED\]/.test(
      (await two.status()).peers[0]?.lastError?.message ?? '',
    ),
  );
  await eventually('the other site says so', async () => {
    const [part] = (await one.status()).peers[0]!.unapplied;
    return part?.site === 'one' && part.state === 'failed' && isOf(part.lastError, 'TABLE_CHANGED');
  });
  await alter(two, 'ALTER TABLE leases.lease RENAME COLUMN remark TO note');
  await equalSites(sites, [LEASES]);
  await eventually('the other site says it no more', async () => {
    return (await one.status()).peers[0]!.unapplied.length === 0;
  });
});

test('rows that come without what they were are passed over and said; verify finds and mends them', async () => {
  const [one, two] = sites as [AgentSite, AgentSite];
  await alter(one, 'ALTER TABLE leases.lease REPLICA IDENTITY DEFAULT');
  await write(
    one,
    `UPDATE leases.lease SET note = 'unshipped' WHERE address = 1; DELETE FROM leases.lease WHERE address = 2;
     INSERT INTO leases.lease (address) VALUES (6)`,
  );
  await arrives(two, 6);
  await alter(one, 'ALTER TABLE leases.lease REPLICA IDENTITY FULL');
  const { capture } = await one.status();
  assert.deepEqual(
    capture.passedOver.map(({ table, by, changes }) => [table, by, changes]),
    [['leases.lease', 'replica identity', 2]],
  );
  // A look at the tables in between says that the identity is another one, until the next look.
  await eventually('what was passed over is the newest error', async () =>
    /reach no other site.*\[CHANGES_PASSED_OVER\]/.test((await one.status()).lastError!.message),
  );
  const { code, stdout, stderr } = await cli('verify', '--repair', '--dir', one.dir);
  assert.equal(code, 0, stdout + stderr);
  await equalSites(sites, [LEASES]);
  const { rows } = await two.sql.query('SELECT note FROM leases.lease WHERE address IN (1, 2)');
  assert.deepEqual(rows, [{ note: 'unshipped' }]);
});

test('a table has another name for a while: what was written to it is replicated when it has its name again', async () => {
  const [one, two] = sites as [AgentSite, AgentSite];
  // Its agent has not met the table under its own name since it was started.
  await one.end('SIGTERM');
  await one.up();
  await alter(one, 'ALTER TABLE leases.lease RENAME TO rental');
  await write(one, `INSERT INTO leases.rental (address, note) VALUES (5, 'renamed')`);
  await eventually('capture stands', async () => {
    const { capture } = await one.status();
    return (
      capture.state === 'failed' && capture.lastError?.message.includes('TABLE_RENAMED') === true
    );
  });
  await eventually('the other site says so', async () => {
    const { capture, lastError } = (await two.status()).peers[0]!;
    return capture?.state === 'failed' && isOf(lastError, 'TABLE_RENAMED');
  });
  const { stdout } = await cli('status', '--dir', two.dir);
  assert.match(stdout, /^peer {7}one: capture failed since .+ before .+TABLE_RENAMED/m);
  assert.match(stdout, /^slot {7}crp_test_two keeps .+ of WAL \(reserved\), catalog_xmin \d+ tra/m);
  await alter(one, 'ALTER TABLE leases.rental RENAME TO lease');
  await arrives(two, 5);
  await equalSites(sites, [LEASES]);
  await captures(two, one);
});

test('certificates are renewed while agents and links are up', async () => {
  const [one, two] = sites as [AgentSite, AgentSite];
  const before = (await two.status()).certificates;
  const { stdout } = await cli('certificate', '--renew', '--dir', two.dir);
  assert.match(stdout, /^Made by one\. An agent that runs takes them by itself/m);
  const { site, authority } = JSON.parse(
    (await cli('certificate', '--json', '--dir', two.dir)).stdout,
  ) as typeof before;
  assert.ok(site.until > before.site.until && authority.until > before.authority.until);
  await eventually('the agent works with them', async () => {
    const { certificates } = await two.status();
    return certificates.site.until === site.until;
  });
  // Who connects from now on uses them.
  for (const mode of ['cut', 'open'] as const) {
    for (const { proxy } of [one, two]) proxy.set(mode);
  }
  await write(one, `INSERT INTO leases.lease (address, note) VALUES (77, 'renewed')`);
  await arrives(two, 77);
});

test('a database refuses its agent: the other site says so meanwhile', async () => {
  const [one, two] = sites as [AgentSite, AgentSite];
  const ask = (sql: string): Promise<unknown> =>
    withConnection(server.dsn('postgres'), 'test', (client) => client.query(sql));
  await ask('ALTER DATABASE one ALLOW_CONNECTIONS false');
  try {
    await ask(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'one' AND usename LIKE '%agent'`,
    );
    await eventually('the other site says so', async () => {
      const { link, capture } = (await two.status()).peers[0]!;
      return link === 'connected' && isOf(capture?.lastError, 'DATABASE_REFUSED');
    });
  } finally {
    await ask('ALTER DATABASE one ALLOW_CONNECTIONS true');
  }
  await captures(two, one);
});

test('what a prepared transaction wrote is replicated when it commits; who waits for its rows says so', async () => {
  const [one, two] = sites as [AgentSite, AgentSite];
  await alter(
    one,
    `BEGIN; UPDATE leases.lease SET note = 'prepared' WHERE address = 1; INSERT INTO leases.lease (address) VALUES (7);
     PREPARE TRANSACTION 'left'`,
  );
  await one.end('SIGKILL');
  await one.up();
  await write(two, `UPDATE leases.lease SET renewals = 9 WHERE address = 1`);
  await eventually('apply says what it waits for', async () =>
    /APPLY_LOCKED[^]*prepared transaction 'left' since/.test(
      (await one.status()).peers[0]?.lastError?.message ?? '',
    ),
  );
  await eventually('the other site says so, between two tries too', async () => {
    const [part] = (await two.status()).peers[0]!.unapplied;
    return part?.state === 'retrying' && isOf(part.lastError, 'APPLY_LOCKED');
  });
  await alter(one, `COMMIT PREPARED 'left'`);
  await arrives(two, 7);
  await equalSites(sites, [LEASES]);
  const { rows } = await two.sql.query(
    'SELECT note, renewals::integer AS n FROM leases.lease WHERE address = 1',
  );
  assert.deepEqual(rows, [{ note: 'prepared', n: 9 }]);
});

test('a site is set up while another one on the server is: it waits for rights that the whole server has once', async () => {
  const adminUrl = await server.createDatabase('near');
  const other = await connect(server.dsn('postgres'), 'test');
  try {
    await other.query(`BEGIN; GRANT SET ON PARAMETER session_replication_role TO syncline_one_agent;
      GRANT SET ON PARAMETER deadlock_timeout TO syncline_one_agent`);
    const made = AgentSite.init('near', { adminUrl, model: LEASES, group: 'near' });
    const watched = made.then((site) => sites.push(site));
    watched.catch(() => undefined);
    await eventually('it waits', async () => {
      const { rowCount } = await other.query(
        `SELECT FROM pg_locks WHERE locktype = 'transactionid' AND NOT granted`,
      );
      return rowCount === 1;
    });
    await other.query('COMMIT');
    await watched;
  } finally {
    await other.end();
  }
  const { rows } = await sites.at(-1)!.sql.query(
    `SELECT has_parameter_privilege('syncline_near_agent', 'session_replication_role', 'SET') AS near,
       has_parameter_privilege('syncline_one_agent', 'deadlock_timeout', 'SET') AS one`,
  );
  assert.deepEqual(rows, [{ near: true, one: true }]);
});

test('an agent whose role lost its attributes says what to do, and goes on after that', async () => {
  const [one, two] = sites as [AgentSite, AgentSite];
  await one.end('SIGTERM');
  await alter(one, 'ALTER ROLE syncline_one_agent NOREPLICATION');
  await one.up();
  await eventually('capture says so', async () =>
    /syncline upgrade --database/.test((await one.status()).capture.lastError?.message ?? ''),
  );
  await one.end('SIGTERM');
  const { code, stderr } = await cli('upgrade', '--dir', one.dir, '--database', one.adminUrl);
  assert.equal(code, 0, stderr);
  await one.up();
  await write(one, 'INSERT INTO leases.lease (address) VALUES (8)');
  await arrives(two, 8);
});
