import { randomBytes } from 'node:crypto';
import { chmodSync, chownSync, mkdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PostgresBinaries } from '../../src/postgres/binaries.ts';
import { Cluster } from '../../src/postgres/cluster.ts';
import { withConnection } from '../../src/postgres/connect.ts';
import { freePort } from '../../test/support/server.ts';
import { cpuSeconds } from './cpu.ts';
import { fillSql, PLAIN_DDL } from './lease-model.ts';

/** Which PostgreSQL both servers run, and with what settings. */
export interface ServerKind {
  binaries: PostgresBinaries;
  settings: Record<string, string>;
  /**
   * Databases are emptied instead of dropped: pglogical's supervisor never answers the barrier that DROP
   * DATABASE waits for, and once it is terminated it is not started again.
   */
  keepsDatabases: boolean;
}

/** The template database of all peers: the service's table as the service alone would make it. */
export const PLAIN = 'template_plain';

/** One PostgreSQL server of the benchmark. */
export class Server {
  readonly site: number;
  readonly #cluster: Cluster;
  readonly #port: number;
  readonly #keepsDatabases: boolean;

  private constructor(site: number, cluster: Cluster, keepsDatabases: boolean) {
    this.site = site;
    this.#cluster = cluster;
    this.#port = cluster.options.port;
    this.#keepsDatabases = keepsDatabases;
  }

  static async start(site: number, folder: string, kind: ServerKind): Promise<Server> {
    const port = await freePort();
    const { binaries, settings, keepsDatabases } = kind;
    const data = join(folder, `server${site}`);
    const cluster = new Cluster({
      ...{ binaries, settings, data, socket: data, port, superuser: 'postgres' },
    });
    await cluster.init('secret');
    await cluster.start();
    return new Server(site, cluster, keepsDatabases);
  }

  dsn(database: string): string {
    return `postgresql://postgres:secret@127.0.0.1:${this.#port}/${database}`;
  }

  /** As `dsn`, by the server's Unix-domain socket. */
  localDsn(database: string): string {
    return `${this.dsn(database)}?host=${this.#cluster.options.socket}`;
  }

  /** Parameters of a connection, as libpq's environment and `CREATE SUBSCRIPTION` want them. */
  libpq(): { port: number; user: string; password: string } {
    return { port: this.#port, user: 'postgres', password: 'secret' };
  }

  /** As a libpq connection string, for those who connect to it from another server. */
  conninfo(database: string): string {
    return `host=127.0.0.1 port=${this.#port} user=postgres password=secret dbname=${database}`;
  }

  async run(database: string, ...statements: string[]): Promise<void> {
    await withConnection(this.dsn(database), 'bench', async (client) => {
      for (const statement of statements) await client.query(statement);
    });
  }

  /** Makes the peers' template, with the table filled. */
  async makePlain(rows: number): Promise<void> {
    await this.run('postgres', `CREATE DATABASE ${PLAIN}`);
    await this.run(PLAIN, ...PLAIN_DDL);
    await this.fill(PLAIN, rows);
  }

  /** Fills the table as a replica, so that the rows are as if they had been there before: without stamps. */
  async fill(database: string, rows: number): Promise<void> {
    await this.run(
      database,
      ...['SET session_replication_role = replica', fillSql(rows), 'VACUUM ANALYZE leases.lease'],
    );
  }

  /** A fresh copy of a template. Ends with a checkpoint, so that no run pays for another one's pages. */
  async copy(template: string, database: string): Promise<void> {
    await this.run(
      'postgres',
      `CREATE DATABASE ${database} TEMPLATE ${template} STRATEGY file_copy`,
      'CHECKPOINT',
    );
  }

  /** Gives a database's space back. Its name is not used again. */
  async drop(database: string): Promise<void> {
    if (this.#keepsDatabases) {
      await this.run(
        database,
        'DROP EXTENSION IF EXISTS pglogical CASCADE',
        'DROP SCHEMA leases CASCADE',
      );
    } else {
      await this.run('postgres', `DROP DATABASE IF EXISTS ${database} WITH (FORCE)`);
    }
  }

  /** CPU seconds of the server and all its sessions so far. */
  cpu(): number {
    const pid = this.#cluster.pid();
    return pid === undefined ? 0 : cpuSeconds(pid);
  }

  async stop(): Promise<void> {
    await this.#cluster.stop('immediate');
  }
}

/** Both servers in a temporary folder. */
export class Servers {
  readonly folder: string;
  readonly kind: ServerKind;
  readonly #servers: Server[] = [];
  #starting: Promise<unknown> = Promise.resolve();

  /** Makes the folder; nothing runs yet. */
  constructor(kind: ServerKind) {
    this.kind = kind;
    // Not mkdtemp: Bucardo writes the paths in its settings in lower case.
    this.folder = join(tmpdir(), `syncline-bench-${randomBytes(6).toString('hex')}`);
    mkdirSync(this.folder);
    const { runAs } = kind.binaries;
    if (runAs !== undefined) chownSync(this.folder, runAs.uid, runAs.gid);
    chmodSync(this.folder, 0o711);
  }

  async start(): Promise<void> {
    this.#starting = this.#start();
    await this.#starting;
  }

  async #start(): Promise<void> {
    for (const site of [1, 2]) {
      this.#servers.push(await Server.start(site, this.folder, this.kind));
    }
  }

  get a(): Server {
    return this.#servers[0]!;
  }

  get b(): Server {
    return this.#servers[1]!;
  }

  /** Stops what was started and removes the folder; a start under way is waited for, or its server would stay. */
  async remove(): Promise<void> {
    await this.#starting.catch(() => undefined);
    for (const server of this.#servers) await server.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
