import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Client } from 'pg';
import { connect } from '../../../src/postgres/connect.ts';
import { LEASES } from '../../support/lease-model.ts';
import { Ledger } from '../../support/ledger.ts';
import { eventually, TestSite } from '../../support/pair.ts';
import { startServer } from '../../support/server.ts';
import type { TestServer } from '../../support/server.ts';
import { SEED } from '../../support/seed.ts';

const CRASHES = 3;

test(`PostgreSQL crashes at both sites under load; no acknowledged write is lost (seed ${SEED})`, async () => {
  const moments = fc.sample(fc.integer({ min: 50, max: 600 }), {
    seed: SEED,
    numRuns: 2 * CRASHES,
  });
  const servers: TestServer[] = [await startServer(18), await startServer(18)];
  const a = await TestSite.create(1, await servers[0]!.createDatabase('a'), LEASES);
  const b = await TestSite.create(2, await servers[1]!.createDatabase('b'), LEASES);
  const ledgers = [new Ledger(1), new Ledger(1_000_000)] as const;
  try {
    await a.start(b, LEASES);
    await b.start(a, LEASES);
    const writing = [ledgers[0].write(a.dsn), ledgers[1].write(b.dsn)];
    for (const [index, rows] of moments.entries()) {
      await crashAfter(servers[index % 2]!, ledgers[index % 2]!, rows);
    }
    for (const ledger of ledgers) ledger.stop();
    await Promise.all(writing);
    await check([a, b], ledgers);
  } finally {
    for (const ledger of ledgers) ledger.stop();
    await a.remove();
    await b.remove();
    for (const server of servers) await server.remove();
  }
});

async function crashAfter(server: TestServer, ledger: Ledger, rows: number): Promise<void> {
  await ledger.more(rows);
  await server.cluster.stop('immediate');
  await server.cluster.start();
}

async function check(sites: readonly TestSite[], ledgers: readonly Ledger[]): Promise<void> {
  const clients = await Promise.all(sites.map((site) => connect(site.dsn, 'check')));
  const hash = async (client: Client): Promise<string> => {
    const { rows } = await client.query<{ hash: string }>(
      `SELECT md5(string_agg(l::text, E'\\n' ORDER BY address)) AS hash FROM leases.lease AS l`,
    );
    return rows[0]!.hash;
  };
  try {
    await eventually('both sites are equal and have all', async () => {
      const [one, other] = await Promise.all(clients.map(hash));
      if (one !== other) return false;
      const lost = await Promise.all(
        clients.flatMap((client) => ledgers.map((ledger) => ledger.missing(client))),
      );
      return lost.flat().length === 0;
    });
    for (const { acknowledged } of ledgers) assert.ok(acknowledged.size > 0);
  } finally {
    await Promise.all(clients.map((client) => client.end()));
  }
}
