import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { connect } from '../../../src/postgres/connect.ts';
import { LEASES } from '../../support/lease-model.ts';
import { eventually, TestSite } from '../../support/pair.ts';
import { startServer } from '../../support/server.ts';
import type { TestServer } from '../../support/server.ts';

const SEED = Number(process.env['SEED'] ?? Date.now() % 2 ** 31);
const CRASHES = 3;

/** Inserts rows one transaction each until told to stop; knows which ones were acknowledged. */
class Ledger {
  readonly acknowledged: number[] = [];
  #next: number;
  #stop = false;

  constructor(first: number) {
    this.#next = first;
  }

  stop(): void {
    this.#stop = true;
  }

  async write(dsn: string): Promise<void> {
    while (!this.#stop) {
      const client = await connect(dsn, 'ledger').catch(() => undefined);
      if (client === undefined) continue;
      try {
        while (!this.#stop) {
          const address = this.#next++;
          await client.query('INSERT INTO leases.lease (address, hostname) VALUES ($1, $2)', [
            ...[address, `host${address}`],
          ]);
          this.acknowledged.push(address);
        }
      } catch {
        // The server crashed: whether this row is there is unknown, so it is not in the ledger.
      }
      await client.end().catch(() => undefined);
    }
  }
}

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
    await check(
      [a, b],
      ledgers.flatMap((ledger) => ledger.acknowledged),
    );
  } finally {
    for (const ledger of ledgers) ledger.stop();
    await a.remove();
    await b.remove();
    for (const server of servers) await server.remove();
  }
});

async function crashAfter(server: TestServer, ledger: Ledger, rows: number): Promise<void> {
  const goal = ledger.acknowledged.length + rows;
  await eventually('the next crash', () => ledger.acknowledged.length >= goal);
  await server.cluster.stop('immediate');
  await server.cluster.start();
}

async function check(sites: TestSite[], acknowledged: number[]): Promise<void> {
  const clients = await Promise.all(sites.map((site) => connect(site.dsn, 'check')));
  const state = async (): Promise<{ hash: string; lost: string }[]> =>
    Promise.all(
      clients.map(async (client) => {
        const { rows } = await client.query<{ hash: string; lost: string }>(
          `SELECT (SELECT md5(string_agg(l::text, E'\\n' ORDER BY address)) FROM leases.lease AS l) AS hash,
            (SELECT count(*) FROM unnest($1::bigint[]) AS x(a)
             WHERE NOT EXISTS (SELECT FROM leases.lease WHERE address = a)) AS lost`,
          [acknowledged],
        );
        return rows[0]!;
      }),
    );
  try {
    await eventually('both sites are equal and have all', async () => {
      const [one, other] = await state();
      return one!.hash === other!.hash && one!.lost === '0' && other!.lost === '0';
    });
    assert.ok(acknowledged.length > 0);
  } finally {
    await Promise.all(clients.map((client) => client.end()));
  }
}
