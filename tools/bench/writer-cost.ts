import { runLoad } from './load.ts';
import type { Results } from './rows.ts';
import { PLAIN } from './servers.ts';
import type { Servers } from './servers.ts';
import { Bench } from './side.ts';
import type { Side } from './side.ts';
import type { Sizes } from './settings.ts';

/**
 * What replication costs the service that writes: transactions a second on the plain table, on the same
 * with stamp trigger and REPLICA IDENTITY FULL, and with capture running too.
 */
export async function measureWriterCost(
  servers: Servers,
  sizes: Sizes,
  side: Side,
): Promise<Results> {
  const results: Results = new Map();
  for (const [name, template] of [
    ['plain', PLAIN],
    ['stamped', side.template],
  ] as const) {
    const database = `run_${name}`;
    await servers.a.copy(template, database);
    results.set(name, await load(servers, sizes, database));
    await servers.a.drop(database);
  }
  const bench = await Bench.open(side, servers, {
    ...{ note: () => undefined, limitMs: sizes.limitMs, cuttable: true },
  });
  try {
    await side.linkDown();
    results.set('captured', await load(servers, sizes, bench.database));
  } finally {
    await bench.close();
  }
  return results;
}

function load(servers: Servers, sizes: Sizes, database: string): Promise<number> {
  const { rows, clients, live: transactions } = sizes;
  const { a: server, folder } = servers;
  return runLoad({ server, database, rows, transactions, clients, folder });
}
