import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { connect } from '../../../src/postgres/connect.ts';
import { digests } from '../../../src/repair/digest.ts';
import { AgentSite } from '../../support/agents.ts';
import { LEASES } from '../../support/lease-model.ts';
import { Ledger } from '../../support/ledger.ts';
import { eventually } from '../../support/pair.ts';
import { hasDebian15, startServer } from '../../support/server.ts';
import type { TestServer } from '../../support/server.ts';

const SEED = Number(process.env['SEED'] ?? Date.now() % 2 ** 31);

const EVENTS = [
  'kill agent',
  'crash database',
  'cut link',
  'stall link',
  'cut in mid-batch',
] as const;

interface Site {
  server: TestServer;
  site: AgentSite;
  ledger: Ledger;
}

for (const versions of [
  [18, 18],
  [15, 18],
] as const) {
  const skip = versions[0] === 15 && !hasDebian15() ? 'needs the package postgresql-15' : false;
  test(
    `agents and databases crash and links break under load on PostgreSQL ${versions.join(' and ')} (seed ${SEED})`,
    {
      skip,
    },
    () => chaos(versions),
  );
}

async function chaos(versions: readonly [15 | 18, 18]): Promise<void> {
  const events = fc.sample(
    fc.record({
      what: fc.shuffledSubarray([...EVENTS], { minLength: 1, maxLength: 1 }).map(([one]) => one!),
      where: fc.integer({ min: 0, max: 1 }),
      after: fc.integer({ min: 20, max: 250 }),
    }),
    { seed: SEED, numRuns: 12 },
  );
  const servers = [await startServer(versions[0]), await startServer(versions[1])] as const;
  const sites = await twoSites(servers);
  try {
    const writing = sites.map(({ site, ledger }) => ledger.write(site.config.database.serviceUrl));
    for (const event of events) {
      const hit = sites[event.where]!;
      await hit.ledger.more(event.after);
      await strike(hit, event.what);
    }
    for (const { ledger } of sites) ledger.stop();
    await Promise.all(writing);
    await converged(sites);
  } finally {
    for (const { ledger, site } of sites) {
      ledger.stop();
      await site.remove();
    }
    for (const server of servers) await server.remove();
  }
}

async function twoSites(servers: readonly [TestServer, TestServer]): Promise<[Site, Site]> {
  const one = await AgentSite.init('one', {
    adminUrl: await servers[0].createDatabase('a'),
    model: LEASES,
  });
  await one.up();
  const two = await AgentSite.join(await one.invite('two', 2), {
    adminUrl: await servers[1].createDatabase('b'),
  });
  await two.up();
  return [
    { server: servers[0], site: one, ledger: new Ledger(1) },
    { server: servers[1], site: two, ledger: new Ledger(10_000_000) },
  ];
}

async function strike(
  { server, site, ledger }: Site,
  what: (typeof EVENTS)[number],
): Promise<void> {
  switch (what) {
    case 'kill agent':
      await site.end('SIGKILL');
      await ledger.more(30);
      return site.up();
    case 'crash database':
      await server.cluster.stop('immediate');
      return server.cluster.start();
    case 'cut link':
    case 'stall link':
      site.proxy.set(what === 'cut link' ? 'cut' : 'stalled');
      await ledger.more(100);
      return site.proxy.set('open');
    case 'cut in mid-batch':
      site.proxy.cutAfter(700);
  }
}

async function converged(sites: readonly Site[]): Promise<void> {
  const clients = await Promise.all(
    sites.map(({ site }) => connect(site.config.database.url, 'test')),
  );
  try {
    await eventually('both sites are equal', async () => {
      const [one, other] = await Promise.all(clients.map((client) => digests(client, [LEASES])));
      return JSON.stringify(one) === JSON.stringify(other);
    });
    for (const { ledger } of sites) {
      assert.ok(ledger.acknowledged.size > 100);
      for (const client of clients) assert.deepEqual(await ledger.missing(client), []);
    }
  } finally {
    await Promise.all(clients.map((client) => client.end()));
  }
}
