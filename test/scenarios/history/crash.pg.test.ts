import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Client } from 'pg';
import { withConnection } from '../../../src/postgres/connect.ts';
import { historyModel, PICK } from '../../support/history-model.ts';
import { Ledger } from '../../support/ledger.ts';
import { eventually, TestSite } from '../../support/pair.ts';
import { startServer } from '../../support/server.ts';
import type { TestServer } from '../../support/server.ts';
import { SEED } from '../../support/seed.ts';

const CRASHES = 2;
const MODEL = historyModel();
const CONTESTED = ['average', 'discard', 'update', 'first'];

/** A ledger whose site also writes rows that the other site writes too, and deletes them. */
function ledger(first: number): Ledger {
  return new Ledger(first, { name: 'test.early', key: 'id', beside: contest });
}

async function contest(client: Client, number: number): Promise<void> {
  if (number % 3 > 0) return;
  const table = `test.${CONTESTED[number % CONTESTED.length]}`;
  if (number % 11 === 0) await client.query(`DELETE FROM ${table} WHERE id = 1`);
  await client.query(
    `INSERT INTO ${table} VALUES (1, $1) ON CONFLICT (id) DO UPDATE SET v = excluded.v`,
    [number % 1000],
  );
}

test(`PostgreSQL crashes at both sites: histories and rows agree, nothing is lost (seed ${SEED})`, async () => {
  const goals = fc.sample(fc.integer({ min: 20, max: 60 }), {
    ...{ seed: SEED, numRuns: 2 * CRASHES },
  });
  const servers: TestServer[] = [await startServer(18), await startServer(18)];
  const dsns = [
    await servers[0]!.createDatabase('a'),
    await servers[1]!.createDatabase('b'),
  ] as const;
  for (const dsn of dsns) await withConnection(dsn, 'test', (client) => client.query(PICK));
  const a = await TestSite.create(1, dsns[0], MODEL);
  const b = await TestSite.create(2, dsns[1], MODEL);
  const ledgers = [ledger(10), ledger(1_000_000)] as const;
  try {
    await a.start(b, MODEL);
    await b.start(a, MODEL);
    const writing = ledgers.map((one, at) => one.write(dsns[at]!));
    for (const [index, rows] of goals.entries()) {
      await ledgers[index % 2]!.more(rows);
      await servers[index % 2]!.cluster.stop('immediate');
      await servers[index % 2]!.cluster.start();
    }
    for (const one of ledgers) one.stop();
    await Promise.all(writing);
    for (const { acknowledged } of ledgers) assert.ok(acknowledged.size > 0);
    await check(dsns, ledgers);
  } finally {
    for (const one of ledgers) one.stop();
    await a.remove();
    await b.remove();
    for (const server of servers) await server.remove();
  }
});

/** Rows and histories are the same at both sites; `_crp_base` apart, there is one truth. */
async function check(dsns: readonly string[], ledgers: readonly Ledger[]): Promise<void> {
  const hash = (table: string, key: string): string =>
    `(SELECT md5(string_agg(x::text, ',' ORDER BY ${key})) FROM ${table} AS x)`;
  const hashes = ['early', ...CONTESTED].flatMap((name) => [
    hash(`test.${name}`, 'id'),
    hash(`crp.${name}_history`, 'id, _crp_stamp'),
  ]);
  const look = (dsn: string): Promise<{ all: string; lost: number[] }> =>
    withConnection(dsn, 'check', async (client) => {
      const { rows } = await client.query<{ all: string[] }>(
        `SELECT ARRAY[${hashes.join(', ')}] AS all`,
      );
      const lost = await Promise.all(ledgers.map((one) => one.missing(client)));
      return { all: rows[0]!.all.join(), lost: lost.flat() };
    });
  let found: { all: string; lost: number[] }[] = [];
  await eventually('both sites are equal and have all', async () => {
    found = await Promise.all(dsns.map(look));
    return found[0]!.all === found[1]!.all && found.every(({ lost }) => lost.length === 0);
  }).catch((error: Error) => {
    throw new Error(`${error.message}: ${JSON.stringify(found)}`);
  });
}
