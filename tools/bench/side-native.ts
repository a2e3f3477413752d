import { setTimeout as delay } from 'node:timers/promises';
import { withConnection } from '../../src/postgres/connect.ts';
import { PLAIN } from './servers.ts';
import type { Servers } from './servers.ts';
import type { Side } from './side.ts';

const OPTIONS =
  'binary = true, streaming = parallel, copy_data = false, synchronous_commit = off, origin = none';

/** PostgreSQL's own logical replication: B subscribes to A, in its fastest configuration. */
export class NativeSide implements Side {
  readonly name = 'native';
  readonly template = PLAIN;
  readonly #servers: Servers;
  #database = '';

  constructor(servers: Servers) {
    this.#servers = servers;
  }

  async start(database: string): Promise<void> {
    this.#database = database;
    const { a, b } = this.#servers;
    const { port, user, password } = a.libpq();
    await b.run(
      database,
      `CREATE SUBSCRIPTION bench CONNECTION 'host=127.0.0.1 port=${port} user=${user} ` +
        `password=${password} dbname=${database}' PUBLICATION crp WITH (${OPTIONS})`,
    );
    await this.#live(true);
  }

  linkDown(): Promise<void> {
    return this.#enable(false);
  }

  linkAwaited(): Promise<void> {
    return Promise.resolve();
  }

  linkUp(): Promise<void> {
    return this.#enable(true);
  }

  processesDown(): Promise<void> {
    return this.#enable(false);
  }

  processesUp(): Promise<void> {
    return this.#enable(true);
  }

  peakMemory(): number[] {
    return [];
  }

  cpu(): number[] {
    return [];
  }

  async stop(): Promise<void> {
    await this.#servers.b.run(this.#database, 'DROP SUBSCRIPTION bench');
  }

  remove(): Promise<void> {
    return Promise.resolve();
  }

  async #enable(on: boolean): Promise<void> {
    await this.#servers.b.run(
      this.#database,
      `ALTER SUBSCRIPTION bench ${on ? 'ENABLE' : 'DISABLE'}`,
    );
    if (!on) await this.#live(false);
  }

  /** Waits until A has, or has no more, a walsender for B. */
  async #live(expected: boolean): Promise<void> {
    await withConnection(this.#servers.a.dsn('postgres'), 'bench', async (client) => {
      for (;;) {
        const { rowCount } = await client.query(
          `SELECT FROM pg_stat_replication WHERE application_name = 'bench' AND state = 'streaming'`,
        );
        if (rowCount === (expected ? 1 : 0)) return;
        await delay(20);
      }
    });
  }
}
