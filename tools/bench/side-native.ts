import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from 'pg';
import { withConnection } from '../../src/postgres/connect.ts';
import { PLAIN } from './servers.ts';
import type { Server, Servers } from './servers.ts';
import type { Work, Side } from './side.ts';

const OPTIONS =
  'binary = true, streaming = parallel, copy_data = false, synchronous_commit = off, origin = none';
/** Longest time for a subscription to start or to end. */
const LIMIT_MS = 60_000;

/** Subscribes a database to that of the same table at another server, in its fastest configuration. */
export async function subscribe(
  to: { server: Server; database: string },
  subscriber: { server: Server; database: string; name: string },
): Promise<void> {
  await subscriber.server.run(
    subscriber.database,
    `CREATE SUBSCRIPTION ${subscriber.name} CONNECTION '${to.server.conninfo(to.database)}'
     PUBLICATION crp WITH (${OPTIONS})`,
  );
}

/** True while a walsender streams to subscription `bench`. */
export async function streams(client: Client): Promise<boolean> {
  const { rowCount } = await client.query(
    `SELECT FROM pg_stat_replication WHERE application_name = 'bench' AND state = 'streaming'`,
  );
  return rowCount === 1;
}

/** PostgreSQL's own logical replication: B subscribes to A, and in two-way mode A to B. */
export class NativeSide implements Side {
  readonly name = 'native';
  readonly template = PLAIN;
  readonly #servers: Servers;
  #database = '';
  /** Those that subscribe to the other. */
  #subscribers: Server[] = [];

  constructor(servers: Servers) {
    this.#servers = servers;
  }

  async start(database: string, { mode }: Work): Promise<void> {
    this.#database = database;
    const { a, b } = this.#servers;
    this.#subscribers = mode === 'two-way' ? [b, a] : [b];
    for (const server of this.#subscribers) {
      const to = { server: this.#publisherOf(server), database };
      await subscribe(to, { server, database, name: 'bench' });
    }
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

  processes(): number[] {
    return [];
  }

  cpu(): number[] {
    return [];
  }

  async stop(): Promise<void> {
    for (const server of this.#subscribers) {
      await server.run(this.#database, 'DROP SUBSCRIPTION bench');
    }
  }

  remove(): Promise<void> {
    return Promise.resolve();
  }

  #publisherOf(subscriber: Server): Server {
    return subscriber === this.#servers.a ? this.#servers.b : this.#servers.a;
  }

  async #enable(on: boolean): Promise<void> {
    for (const server of this.#subscribers) {
      await server.run(this.#database, `ALTER SUBSCRIPTION bench ${on ? 'ENABLE' : 'DISABLE'}`);
    }
    if (!on) await this.#live(false);
  }

  /** Waits until every publisher has, or has no more, a walsender for its subscriber. */
  async #live(expected: boolean): Promise<void> {
    for (const server of this.#subscribers) {
      const publisher = this.#publisherOf(server);
      await withConnection(publisher.dsn('postgres'), 'bench', async (client) => {
        const end = Date.now() + LIMIT_MS;
        while ((await streams(client)) !== expected) {
          if (Date.now() > end) {
            throw new Error(`native does not ${expected ? 'start' : 'end'} in ${LIMIT_MS} ms`);
          }
          await delay(20);
        }
      });
    }
  }
}
