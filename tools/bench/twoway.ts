import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from 'pg';
import { timed } from './rows.ts';
import type { Results } from './rows.ts';
import type { Servers } from './servers.ts';
import type { Sizes } from './settings.ts';
import { Bench } from './side.ts';
import type { Side } from './side.ts';
import { writeAtBoth } from './twoway-load.ts';
import { WriteLedger } from './write-ledger.ts';
import type { Row } from './write-ledger.ts';

/** How long the sites may take to become equal once each has all that the other wrote. */
const SETTLE_MS = 5_000;

/**
 * Both sites are written to. Speed: start of the load until both have everything. Correctness: rows that
 * differ in the end, and acknowledged updates that A or B has lost.
 */
export async function measureTwoWay(
  side: Side,
  servers: Servers,
  work: { sizes: Sizes; note: (text: string) => void },
): Promise<Results> {
  const { sizes, note } = work;
  const options = { note, limitMs: sizes.limitMs, mode: 'two-way' } as const;
  const bench = await Bench.open(side, servers, options);
  try {
    await bench.bothCaughtUp();
    let written: Written = { ledger: new WriteLedger(), tps: 0 };
    const took = await timed(bench, async () => {
      written = await write(bench, sizes);
      await bench.bothCaughtUp();
    });
    const { lost, differ } = await judge(bench, written.ledger);
    bench.note(`two-way: ${differ} rows differ, ${lost} updates lost`);
    return new Map([
      ['twoway', took],
      ['twoway-tps', written.tps],
      ['twoway-differ', differ],
      ['twoway-lost', lost],
    ]);
  } finally {
    await bench.close();
  }
}

interface Written {
  ledger: WriteLedger;
  /** Acknowledged writes a second, of both sites. */
  tps: number;
}

async function write({ servers, database }: Bench, sizes: Sizes): Promise<Written> {
  const start = performance.now();
  const ledger = await writeAtBoth({
    dsns: [servers.a.dsn(database), servers.b.dsn(database)],
    ...{ rows: sizes.rows, transactions: sizes.twoWay, clients: Math.ceil(sizes.clients / 2) },
  });
  return { ledger, tps: (ledger.count * 1000) / (performance.now() - start) };
}

/** Compares both sites with each other, and with what was acknowledged. */
async function judge(bench: Bench, ledger: WriteLedger): Promise<{ differ: number; lost: number }> {
  const addresses = ledger.addresses();
  const end = Date.now() + SETTLE_MS;
  for (;;) {
    const [a, b] = await Promise.all([read(bench.a, addresses), read(bench.b, addresses)]);
    const differ = addresses.filter((address) => a.get(address)?.all !== b.get(address)?.all);
    if (differ.length === 0 || Date.now() > end) {
      const lost = [a, b].flatMap((rows) =>
        ledger.lost(rows).map(({ address, group }) => `${address} ${group}`),
      );
      return { differ: differ.length, lost: new Set(lost).size };
    }
    await delay(100);
  }
}

/** The service's columns of the rows. */
async function read(
  client: Client,
  addresses: readonly number[],
): Promise<Map<number, Row & { all: string }>> {
  const { rows } = await client.query<Row & { address: string; all: string }>(
    `SELECT address, state::text AS binding, hostname AS name,
       ROW (hwaddr, client_id, expire, hostname, state)::text AS all
     FROM leases.lease WHERE address = ANY ($1)`,
    [addresses],
  );
  return new Map(rows.map((row) => [Number(row.address), row]));
}
