import { setTimeout as delay } from 'node:timers/promises';
import { withConnection } from '../../src/postgres/connect.ts';
import { PLAIN } from './servers.ts';
import type { Server, Servers } from './servers.ts';
import { streams } from './side-native.ts';
import type { Work, Side } from './side.ts';

/** Longest time for a subscription to start or to end. */
const LIMIT_MS = 60_000;

/**
 * pglogical 2 on PostgreSQL 15: a subscription at B, and in two-way mode one at A too, that forward only what
 * their provider wrote itself. Conflicts are resolved by the later commit (server-kinds.ts).
 */
export class PglogicalSide implements Side {
  readonly name = 'pglogical';
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
    for (const server of [a, b]) {
      await server.run(
        database,
        'CREATE EXTENSION pglogical',
        `SELECT pglogical.create_node(node_name := 'site${server.site}', dsn := '${server.conninfo(database)}')`,
        `SELECT pglogical.replication_set_add_table('default', 'leases.lease')`,
      );
    }
    this.#subscribers = mode === 'two-way' ? [b, a] : [b];
    for (const server of this.#subscribers) {
      await server.run(
        database,
        `SELECT pglogical.create_subscription(subscription_name := 'bench',
           provider_dsn := '${this.#providerOf(server).conninfo(database)}',
           synchronize_structure := false, synchronize_data := false, forward_origins := '{}')`,
        `SELECT pglogical.wait_for_subscription_sync_complete('bench')`,
      );
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
      await server.run(this.#database, `SELECT pglogical.drop_subscription('bench')`);
    }
    await this.#live(false);
    for (const server of [this.#servers.a, this.#servers.b]) {
      await server.run(this.#database, `SELECT pglogical.drop_node('site${server.site}')`);
    }
  }

  remove(): Promise<void> {
    return Promise.resolve();
  }

  #providerOf(subscriber: Server): Server {
    return subscriber === this.#servers.a ? this.#servers.b : this.#servers.a;
  }

  async #enable(on: boolean): Promise<void> {
    for (const server of this.#subscribers) {
      await server.run(
        this.#database,
        `SELECT pglogical.alter_subscription_${on ? 'enable' : 'disable'}('bench', immediate := true)`,
      );
    }
    if (!on) await this.#live(false);
  }

  /** Waits until every provider has, or has no more, a walsender for its subscriber. */
  async #live(expected: boolean): Promise<void> {
    for (const server of this.#subscribers) {
      const provider = this.#providerOf(server);
      await withConnection(provider.dsn('postgres'), 'bench', async (client) => {
        const end = Date.now() + LIMIT_MS;
        while ((await streams(client)) !== expected) {
          if (Date.now() > end) {
            throw new Error(`pglogical does not ${expected ? 'start' : 'end'} in ${LIMIT_MS} ms`);
          }
          await delay(20);
        }
      });
    }
  }
}
