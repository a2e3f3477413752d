import { connect } from '../../src/postgres/connect.ts';
import type { Client } from 'pg';
import { setTimeout as delay } from 'node:timers/promises';
import { runLoad } from './load.ts';
import type { Results } from './rows.ts';
import { PLAIN } from './servers.ts';
import type { Servers } from './servers.ts';
import type { Sizes } from './settings.ts';
import { subscribe } from './side-native.ts';
import { BenchSites } from './sites.ts';

/** Sites 2 to 4: databases of server B that get what A writes. */
const TARGETS = [2, 3, 4] as const;
const SOURCE = 'run_fan1';

/** One of those that are compared, with three targets. */
export interface FanOut {
  readonly name: 'native' | 'syncline';
  /** Fresh databases: the source's at A, the targets' at B. Nothing replicates yet. */
  open(): Promise<void>;
  /** Replication begins; settles when it may be counted from, with the CPU seconds used at the source so far. */
  begin(): Promise<number>;
  /** CPU seconds used at the source so far: its server, and what replicates there. */
  cpu(): number;
  close(): Promise<void>;
  remove(): Promise<void>;
}

/**
 * CPU seconds at the source for a backlog of single-row transactions until three targets have it, for a
 * million of them. What the writer itself costs is not in it: it wrote before replication began.
 */
export async function measureFanOut(
  side: FanOut,
  servers: Servers,
  work: { sizes: Sizes; note: (text: string) => void },
): Promise<Results> {
  const { rows, clients, backlog: transactions, limitMs } = work.sizes;
  const { a: server, b, folder } = servers;
  await side.open();
  try {
    await runLoad({ server, database: SOURCE, rows, transactions, clients, folder });
    const mark = `UPDATE leases.lease SET hostname = 'fan-out' WHERE address = 1`;
    await server.run(SOURCE, mark);
    const before = await side.begin();
    const targets = TARGETS.map((number) => b.dsn(`run_fan${number}`));
    await Promise.all(targets.map((dsn) => marked(dsn, limitMs)));
    const used = side.cpu() - before;
    work.note(
      `${side.name}: ${used.toFixed(2)} CPU s at the source for ${transactions} to 3 targets`,
    );
    return new Map([['fanout', (used / transactions) * 1e6]]);
  } finally {
    await side.close();
  }
}

/** Settles when a target has the last transaction. */
async function marked(dsn: string, limitMs: number): Promise<void> {
  const client = await connect(dsn, 'bench');
  try {
    const end = Date.now() + limitMs;
    while (!(await hasMark(client))) {
      if (Date.now() > end) throw new Error(`a target has not got all in ${limitMs} ms`);
      await delay(50);
    }
  } finally {
    await client.end();
  }
}

async function hasMark(client: Client): Promise<boolean> {
  const { rows } = await client.query<{ hostname: string }>(
    'SELECT hostname FROM leases.lease WHERE address = 1',
  );
  return rows[0]?.hostname === 'fan-out';
}

/** Three native subscriptions to one source. */
export class NativeFanOut implements FanOut {
  readonly name = 'native';
  readonly #servers: Servers;

  constructor(servers: Servers) {
    this.#servers = servers;
  }

  async open(): Promise<void> {
    const { a, b } = this.#servers;
    await a.copy(PLAIN, SOURCE);
    for (const number of TARGETS) {
      const database = `run_fan${number}`;
      await b.copy(PLAIN, database);
      await subscribe(
        { server: a, database: SOURCE },
        { server: b, database, name: `fan${number}` },
      );
      await b.run(database, `ALTER SUBSCRIPTION fan${number} DISABLE`);
    }
  }

  async begin(): Promise<number> {
    const before = this.cpu();
    for (const number of TARGETS) {
      await this.#servers.b.run(`run_fan${number}`, `ALTER SUBSCRIPTION fan${number} ENABLE`);
    }
    return before;
  }

  cpu(): number {
    return this.#servers.a.cpu();
  }

  async close(): Promise<void> {
    const { a, b } = this.#servers;
    for (const number of TARGETS) {
      await b.run(`run_fan${number}`, `DROP SUBSCRIPTION fan${number}`);
      await b.drop(`run_fan${number}`);
    }
    await a.drop(SOURCE);
  }

  remove(): Promise<void> {
    return Promise.resolve();
  }
}

/** Four sites, of which only the first is written to. */
export class SynclineFanOut implements FanOut {
  readonly name = 'syncline';
  readonly #servers: Servers;
  readonly #sites: BenchSites;

  private constructor(servers: Servers, sites: BenchSites) {
    this.#servers = servers;
    this.#sites = sites;
  }

  static async make(servers: Servers, rows: number): Promise<SynclineFanOut> {
    const { a, b, folder } = servers;
    const places = [1, ...TARGETS].map((number) => ({
      server: number === 1 ? a : b,
      template: `template_fan${number}`,
    }));
    return new SynclineFanOut(servers, await BenchSites.make('fan', { places, folder, rows }));
  }

  async open(): Promise<void> {
    const { a, b } = this.#servers;
    await a.copy('template_fan1', SOURCE);
    for (const number of TARGETS) await b.copy(`template_fan${number}`, `run_fan${number}`);
    await this.#sites.prepare([SOURCE, ...TARGETS.map((number) => `run_fan${number}`)], {
      cuttable: false,
    });
  }

  /** The source last: its agent is counted from when it answers, since starting a process is not replicating. */
  async begin(): Promise<number> {
    await this.#sites.up(TARGETS.map((number) => number - 1));
    const server = this.#servers.a.cpu();
    await this.#sites.up([0]);
    return server + this.#sites.cpu()[0]!;
  }

  cpu(): number {
    return this.#servers.a.cpu() + this.#sites.cpu()[0]!;
  }

  async close(): Promise<void> {
    const { a, b } = this.#servers;
    await this.#sites.close();
    await a.drop(SOURCE);
    for (const number of TARGETS) await b.drop(`run_fan${number}`);
  }

  remove(): Promise<void> {
    return this.#sites.remove();
  }
}
