import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Client } from 'pg';
import { connect, withConnection } from '../../../src/postgres/connect.ts';
import type { AgentSite } from '../../support/agents.ts';
import { LEASES } from '../../support/lease-model.ts';
import { eventually } from '../../support/pair.ts';
import { startServer } from '../../support/server.ts';
import type { TestServer } from '../../support/server.ts';
import { twoSites } from '../../support/site-group.ts';

let server: TestServer;
const sites: AgentSite[] = [];

before(async () => {
  server = await startServer(18);
  await twoSites(sites, server, LEASES);
});

after(async () => {
  for (const site of sites) await site.remove();
  await server?.remove();
});

/** Apply at the second site waits for a row lock. */
async function applyWaits(): Promise<void> {
  await withConnection(sites[1]!.adminUrl, 'test', (client) =>
    eventually('apply waits for a row', async () => {
      const { rowCount } = await client.query(
        `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
           AND application_name LIKE 'syncline apply %'`,
      );
      return rowCount === 1;
    }),
  );
}

async function notes(site: AgentSite): Promise<string> {
  const { rows } = await site.sql.query<{ v: string }>(
    `SELECT string_agg(note, ', ' ORDER BY address) AS v FROM leases.lease`,
  );
  return rows[0]!.v;
}

async function deadlocks(): Promise<number> {
  return withConnection(sites[1]!.adminUrl, 'test', async (client) => {
    const { rows } = await client.query<{ n: number }>(
      `SELECT deadlocks::integer AS n FROM pg_stat_database WHERE datname = current_database()`,
    );
    return rows[0]!.n;
  });
}

/** A service that would look for the deadlock before apply did, had both the server's time for it. */
async function hasty(): Promise<Client> {
  const [, two] = sites as [AgentSite, AgentSite];
  await withConnection(two.adminUrl, 'test', (client) =>
    client.query(`ALTER ROLE syncline_two_service SET deadlock_timeout = '500ms'`),
  );
  return connect(two.config.database.serviceUrl, 'test service');
}

/** @throws the database's error where the service is the one that is rolled back */
async function deadlock(note = 'remote'): Promise<void> {
  const [one] = sites as [AgentSite];
  const service = await hasty();
  const count = (address: number): Promise<unknown> =>
    service.query(`UPDATE leases.lease SET renewals = renewals + 1 WHERE address = ${address}`);
  try {
    await service.query('BEGIN');
    // Apply takes the first row, then waits for this one.
    await count(2);
    await one.sql.query(
      `BEGIN; UPDATE leases.lease SET note = '${note}' WHERE address = 1;
       UPDATE leases.lease SET note = '${note}' WHERE address = 2; COMMIT`,
    );
    await applyWaits();
    // The circle is closed: without anybody giving way both would wait for ever.
    await count(1);
    await service.query('COMMIT');
  } finally {
    await service.end();
  }
}

const TRIES = 6;

/** Which of the two was rolled back. */
async function victim(note: string): Promise<'apply' | 'service'> {
  try {
    await deadlock(note);
    return 'apply';
  } catch (error) {
    if ((error as { code?: unknown }).code === '40P01') return 'service';
    throw error;
  }
}

test('of a deadlock with a service apply is the victim, and does its work again', async () => {
  const [one, two] = sites as [AgentSite, AgentSite];
  await one.sql.query(`INSERT INTO leases.lease (address, note) VALUES (1, 'a'), (2, 'b')`);
  await eventually('the rows are there', async () => (await notes(two)) === 'a, b');
  const before = await deadlocks();
  // Apply looks once, 200 ms after it began to wait: on a busy machine the circle may not be closed by then.
  const victims: string[] = [];
  while (!victims.includes('apply') && victims.length < TRIES) {
    victims.push(await victim(`remote ${victims.length}`));
  }
  assert.ok(victims.includes('apply'), victims.join(', '));
  const last = `remote ${victims.length - 1}`;
  await eventually('apply did its work', async () => (await notes(two)) === `${last}, ${last}`);
  await eventually('the deadlock is counted', async () => (await deadlocks()) > before);
  const { rows } = await two.sql.query(`SELECT DISTINCT renewals::integer FROM leases.lease`);
  assert.deepEqual(rows, [{ renewals: 1 }]);
});

test('a site that was made without the right to deadlock_timeout replicates all the same; its service gives way', async () => {
  const [one, two] = sites as [AgentSite, AgentSite];
  await two.end('SIGTERM');
  await withConnection(two.adminUrl, 'test', (client) =>
    client.query('REVOKE SET ON PARAMETER deadlock_timeout FROM syncline_two_agent'),
  );
  await two.up();
  await one.sql.query(`UPDATE leases.lease SET note = 'without'`);
  await eventually('the rows are there', async () => (await notes(two)) === 'without, without');
  await assert.rejects(deadlock(), { code: '40P01' });
  await eventually('apply did its work', async () => (await notes(two)) === 'remote, remote');
});
