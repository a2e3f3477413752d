import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Client } from 'pg';
import { connect, withConnection } from '../../../src/postgres/connect.ts';
import { readConfig } from '../../../src/site/config/config.ts';
import { askAgent } from '../../../src/site/agent/control.ts';
import { embeddedCluster } from '../../../src/site/database/embedded.ts';
import type { SiteStatus } from '../../../src/site/agent/status.ts';
import { cli, refused } from '../../support/agents.ts';
import type { AgentSite, CliResult } from '../../support/agents.ts';
import { LEASES } from '../../support/lease-model.ts';
import { eventually } from '../../support/pair.ts';
import { freePort, startServer } from '../../support/server.ts';
import type { TestServer } from '../../support/server.ts';
import { equalSites, twoSites } from '../../support/site-group.ts';

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

/** Models whose tables Syncline makes. */
const SHIPPED = ['dns', 'dhcp', 'mail', 'aaa', 'prepaid', 'sip', 'directory', 'routing'];

const SYSTEM = `'{pg_catalog,pg_toast,information_schema}'::text[]`;

/** What a build makes in a database: tables, functions, triggers, rights, the publication. */
const madeBy = (agent: string): string => `
  SELECT format('column %s.%s %s %s', c.table_name, c.column_name, c.data_type, c.column_default) AS line
    FROM information_schema.columns AS c WHERE c.table_schema <> ALL (${SYSTEM})
  UNION ALL SELECT pg_get_indexdef(i.indexrelid) FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indrelid
    WHERE c.relnamespace::regnamespace::text <> ALL (${SYSTEM})
  UNION ALL SELECT pg_get_functiondef(p.oid) FROM pg_proc AS p WHERE p.pronamespace = 'crp'::regnamespace
  UNION ALL SELECT pg_get_triggerdef(t.oid) || t.tgenabled::text FROM pg_trigger AS t WHERE NOT t.tgisinternal
  UNION ALL SELECT format('%s %s %s', c.relname, pg_get_userbyid(c.relowner), c.relreplident)
    FROM pg_class AS c WHERE c.relkind IN ('r', 'S') AND c.relnamespace::regnamespace::text <> ALL (${SYSTEM})
  UNION ALL SELECT format('grant %s %s %s', table_name, grantee, privilege_type)
    FROM information_schema.role_table_grants WHERE table_schema <> ALL (${SYSTEM})
  UNION ALL SELECT format('published %s.%s', schemaname, tablename) FROM pg_publication_tables
  UNION ALL SELECT 'deadlock_timeout ' || has_parameter_privilege('${agent}', 'deadlock_timeout', 'SET')
  ORDER BY 1`;

async function made(client: Client, site: string): Promise<string[]> {
  const { rows } = await client.query<{ line: string }>(madeBy(`syncline_${site}_agent`));
  return rows.map(({ line }) => line);
}

/** As if an earlier build had made it, one that had less, and triggers that did something else. */
const EARLIER = `
  ALTER TABLE crp.site DROP COLUMN layout;
  ALTER TABLE crp.model DROP COLUMN older;
  DROP TABLE crp.orphan, crp.outbox;
  DROP INDEX crp.waiting_key, crp.conflict_parked_key;
  ALTER TABLE crp.waiting ADD CONSTRAINT waiting_pkey PRIMARY KEY (entity, key);
  CREATE INDEX conflict_parked ON crp.conflict (entity, key) WHERE status = 'parked';
  DROP FUNCTION crp.key_digest;
  DROP TRIGGER zz_crp_truncate ON leases.lease;
  CREATE OR REPLACE FUNCTION crp.stamp_lease_tombstone() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
  REVOKE SET ON PARAMETER deadlock_timeout FROM syncline_two_agent`;

function upgrade(site: AgentSite, ...args: string[]): Promise<CliResult> {
  return cli('upgrade', '--dir', site.dir, '--database', site.adminUrl, ...args);
}

test('while the agent runs, and by who is no superuser, nothing is upgraded', async () => {
  const [, two] = sites as [AgentSite, AgentSite];
  refused(await upgrade(two), 'AGENT_UP', /syncline down/);
  refused(await cli('upgrade', '--dir', two.dir), 'OPTION_INVALID', /--database/);
  await two.end('SIGTERM');
});

test('what somebody changed by hand in a database of this layout is put back', async () => {
  const two = sites[1]!;
  await withConnection(two.adminUrl, 'test', async (client) => {
    const wanted = await made(client, 'two');
    await client.query(`
      DROP PUBLICATION crp;
      DROP TRIGGER zz_crp_tombstone ON leases.lease;
      ALTER TABLE leases.lease DISABLE TRIGGER zz_crp_stamp;
      ALTER TABLE leases.lease REPLICA IDENTITY DEFAULT`);
    assert.notDeepEqual(await made(client, 'two'), wanted);
    const done = await upgrade(two);
    assert.equal(done.code, 0, done.stderr);
    assert.match(
      done.stdout,
      /layout \d already; triggers, publication and rights were made again/,
    );
    assert.deepEqual(await made(client, 'two'), wanted);
  });
});

test('a database that an earlier build made is refused until it is upgraded; then it is as a new one', async () => {
  const [one, two] = sites as [AgentSite, AgentSite];
  await one.sql.query(`INSERT INTO leases.lease (address, note) VALUES (1, 'before')`);
  await withConnection(two.adminUrl, 'test', async (client) => {
    const wanted = await made(client, 'two');
    await client.query(EARLIER);
    assert.notDeepEqual(await made(client, 'two'), wanted);

    refused(await cli('up', '--dir', two.dir), 'SITE_OUTDATED', /syncline upgrade --database/);
    const agent = ['--database', two.config.database.url];
    refused(await cli('upgrade', '--dir', two.dir, ...agent), 'DATABASE_RIGHTS', /superuser/);

    await two.sql.query(`BEGIN; INSERT INTO leases.lease (address, note) VALUES (2, 'in the way')`);
    const early = await made(client, 'two');
    refused(
      await upgrade(two, '--lock-timeout', '50ms', '--attempts', '2'),
      'ADOPT_BUSY',
      /Held by process \d+ \(test service\)/,
    );
    assert.deepEqual(await made(client, 'two'), early);
    await two.sql.query('ROLLBACK');

    const done = await upgrade(two);
    assert.equal(done.code, 0, done.stderr);
    assert.match(done.stdout, /had layout 0/);
    assert.deepEqual(await made(client, 'two'), wanted);
  });
  await two.up();
  await two.sql.query(`INSERT INTO leases.lease (address, note) VALUES (3, 'after')`);
  await equalSites(sites, [LEASES]);
  const { rows } = await one.sql.query(`SELECT note FROM leases.lease ORDER BY address`);
  assert.deepEqual(rows, [{ note: 'before' }, { note: 'after' }]);
});

test('a database of a later build is refused', async () => {
  const [, two] = sites as [AgentSite, AgentSite];
  await two.end('SIGTERM');
  await withConnection(two.adminUrl, 'test', async (client) => {
    await client.query('UPDATE crp.site SET layout = layout + 1');
    refused(await cli('up', '--dir', two.dir), 'SITE_NEWER', /Install the build/);
    refused(await upgrade(two), 'SITE_NEWER', /Install the build/);
    await client.query('UPDATE crp.site SET layout = layout - 1');
  });
  await two.up();
});

/** From where the agent's sessions come; null is a Unix-domain socket (PostgreSQL manual, 27.2.3 pg_stat_activity). */
async function agentAddresses(client: Client): Promise<(string | null)[]> {
  const { rows } = await client.query<{ address: string | null }>(
    `SELECT DISTINCT client_addr::text AS address FROM pg_stat_activity WHERE usename LIKE '%_agent'`,
  );
  return rows.map(({ address }) => address);
}

test('a site on its embedded server is brought up to date when its agent starts, and the server started again when it is killed', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'crp-layout-'));
  const port = await freePort();
  try {
    const begun = await cli(
      ...['init', '--site', 'own', '--group', 'other', '--dir', dir],
      ...['--database-port', String(port), '--model', ...SHIPPED],
      ...['--listen', `127.0.0.1:${await freePort()}`],
    );
    assert.equal(begun.code, 0, begun.stderr);
    const config = readConfig(dir);
    const client = await connect(config.database.adminUrl!, 'test');
    const wanted = await made(client, 'own');
    await client.query(`ALTER TABLE crp.site DROP COLUMN layout; DROP TABLE crp.waiting`);
    const up = await cli('up', '--dir', dir, '--detach');
    assert.equal(up.code, 0, up.stderr);
    assert.deepEqual(await made(client, 'own'), wanted);
    assert.deepEqual(await agentAddresses(client), [null], 'the agent uses the socket');
    await client.end();
    const server = embeddedCluster(config)!;
    const killed = server.pid()!;
    process.kill(killed, 'SIGKILL');
    await eventually('the agent has started the server again', async () => {
      if (server.pid() === undefined || server.pid() === killed) return false;
      const { database } = (await askAgent(dir, 'status')) as SiteStatus;
      return database.error === undefined;
    });
  } finally {
    await cli('down', '--dir', dir, '--database');
    rmSync(dir, { recursive: true, force: true });
  }
});
