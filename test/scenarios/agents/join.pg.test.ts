import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { withConnection } from '../../../src/postgres/connect.ts';
import { AgentSite, cli } from '../../support/agents.ts';
import { LEASES } from '../../support/lease-model.ts';
import { Ledger } from '../../support/ledger.ts';
import { eventually } from '../../support/pair.ts';
import { hasDebian15, startServer } from '../../support/server.ts';
import type { TestServer } from '../../support/server.ts';
import { equalSites } from '../../support/site-group.ts';

const servers: TestServer[] = [];
const sites: AgentSite[] = [];

before(async () => {
  servers.push(await startServer(18));
  if (hasDebian15()) servers.push(await startServer(15));
});

after(async () => {
  for (const site of sites) await site.remove();
  for (const server of servers) await server.remove();
});

async function newDatabase(name: string): Promise<string> {
  // The sites alternate between the servers that there are.
  const server = servers[sites.length % servers.length]!;
  return server.createDatabase(name);
}

const equal = (): Promise<void> => equalSites(sites, [LEASES]);

test('sites join one after the other while all members take writes; nothing is missing anywhere', async () => {
  const ledgers: Ledger[] = [];
  const writing: Promise<void>[] = [];
  const load = (site: AgentSite): void => {
    const ledger = new Ledger(1 + ledgers.length * 10_000_000);
    ledgers.push(ledger);
    writing.push(ledger.write(site.config.database.serviceUrl));
  };
  const first = await AgentSite.init('one', {
    adminUrl: await newDatabase('one'),
    model: LEASES,
  });
  sites.push(first);
  await first.sql.query(
    `INSERT INTO leases.lease (address, hostname) SELECT g, 'old' || g FROM generate_series(900000000, 900020000) AS g`,
  );
  await first.up();
  load(first);
  try {
    for (const [name, number] of [
      ['two', 2],
      ['three', 7],
    ] as const) {
      await ledgers[0]!.more(100);
      const adminUrl = await newDatabase(name);
      const site = await AgentSite.join(await first.invite(name, number), { adminUrl });
      await ledgers[0]!.more(50);
      await site.up();
      sites.push(site);
      load(site);
      await ledgers.at(-1)!.more(50);
    }
    await ledgers[0]!.more(100);
  } finally {
    for (const ledger of ledgers) ledger.stop();
    await Promise.all(writing);
  }
  await equal();
  for (const site of sites) {
    for (const ledger of ledgers) assert.deepEqual(await ledger.missing(site.sql), []);
    const count = await site.sql.query(`SELECT FROM leases.lease WHERE hostname LIKE 'old%'`);
    assert.equal(count.rowCount, 20_001);
  }
});

test('one row changed in different groups and in one group at three sites: the same everywhere', async () => {
  await sites[0]!.sql.query('INSERT INTO leases.lease (address) VALUES (800000000)');
  for (const site of sites) {
    await eventually('the row is everywhere', async () => {
      const found = await site.sql.query('SELECT FROM leases.lease WHERE address = 800000000');
      return found.rowCount === 1;
    });
  }
  for (const site of sites) site.proxy.set('cut');
  const [one, two, three] = sites as [AgentSite, AgentSite, AgentSite];
  const set = (site: AgentSite, what: string): Promise<unknown> =>
    site.sql.query(`UPDATE leases.lease SET ${what} WHERE address = 800000000`);
  await set(one, `hwaddr = '\\x01', renewals = renewals + 1`);
  await set(two, `note = 'two', renewals = renewals + 10`);
  await set(three, `note = 'three', renewals = renewals + 100`);
  for (const site of sites) site.proxy.set('open');
  await equal();
  for (const site of sites) {
    const { rows } = await site.sql.query<Record<string, unknown>>(
      'SELECT hwaddr, note, renewals FROM leases.lease WHERE address = 800000000',
    );
    assert.deepEqual(rows, [{ hwaddr: Buffer.from([1]), note: 'three', renewals: '111' }]);
  }
});

test('a change that was made with knowledge of another comes after it at a third site', async () => {
  const [one, two, three] = sites as [AgentSite, AgentSite, AgentSite];
  // The third site does not hear of the first, but of the second, which has the first's row.
  one.proxy.set('cut');
  two.proxy.set('open');
  await eventually('the second is connected to the first', async () => {
    one.proxy.set('open');
    await one.sql.query(
      'INSERT INTO leases.lease (address) VALUES (700000000) ON CONFLICT DO NOTHING',
    );
    const found = await two.sql.query('SELECT FROM leases.lease WHERE address = 700000000');
    return found.rowCount === 1;
  });
  await two.sql.query(`UPDATE leases.lease SET note = 'after' WHERE address = 700000000`);
  await eventually('the third has both, in that order', async () => {
    const { rows } = await three.sql.query<{ note: string }>(
      'SELECT note FROM leases.lease WHERE address = 700000000',
    );
    return rows[0]?.note === 'after';
  });
  await equal();
});

test('a base copy that is cut in the middle is given up, and nothing is left of the new site', async () => {
  const [one] = sites as [AgentSite];
  const adminUrl = await newDatabase('four');
  const invitation = await one.invite('four', 8);
  one.proxy.cutAfter(400_000);
  await assert.rejects(AgentSite.join(invitation, { adminUrl }), {
    code: /^(BASE_INCOMPLETE|LINK_(CLOSED|UNREACHABLE))$/,
  });
  await withConnection(adminUrl, 'test', async (client) => {
    const { rows } = await client.query(`SELECT FROM pg_namespace WHERE nspname = 'crp'`);
    assert.equal(rows.length, 0);
  });
});

test('a member renews its certificates by the one that has the key of the group, and replicates with them', async () => {
  const [one, , three] = sites as [AgentSite, AgentSite, AgentSite];
  const { certificates } = await three.status();
  assert.ok(certificates.site.days > 3_600 && certificates.authority.days > 3_600);
  const { code, stdout, stderr } = await cli('certificate', '--renew', '--dir', three.dir);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^site [^]+^group [^]+Made by one\./m);
  await three.end('SIGTERM');
  await three.up();
  await three.sql.query('INSERT INTO leases.lease (address) VALUES (600000000)');
  await eventually('what it wrote is at the first site', async () => {
    const found = await one.sql.query('SELECT FROM leases.lease WHERE address = 600000000');
    return found.rowCount === 1;
  });
  await one.sql.query('DELETE FROM leases.lease WHERE address = 600000000');
  await equal();
});
