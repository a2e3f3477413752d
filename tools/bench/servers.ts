import { chmodSync, chownSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { embeddedBinaries } from '../../src/postgres/binaries.ts';
import { Cluster } from '../../src/postgres/cluster.ts';
import { withConnection } from '../../src/postgres/connect.ts';
import { catalogDdl } from '../../src/sql/catalog-ddl.ts';
import { modelDdl } from '../../src/sql/entity-ddl.ts';
import { freePort } from '../../test/support/server.ts';
import { cpuSeconds } from './cpu.ts';
import { fillSql, LEASE_MODEL, PLAIN_DDL } from './lease-model.ts';
import { SERVER_SETTINGS } from './settings.ts';

/** One PostgreSQL server of the benchmark. */
export class Server {
  readonly site: number;
  readonly #cluster: Cluster;
  readonly #port: number;

  private constructor(site: number, cluster: Cluster, port: number) {
    this.site = site;
    this.#cluster = cluster;
    this.#port = port;
  }

  static async start(site: number, folder: string): Promise<Server> {
    const port = await freePort();
    const cluster = new Cluster({
      ...{ binaries: embeddedBinaries(), data: join(folder, `site${site}`), port },
      ...{ superuser: 'postgres', settings: SERVER_SETTINGS },
    });
    await cluster.init('secret');
    await cluster.start();
    return new Server(site, cluster, port);
  }

  dsn(database: string): string {
    return `postgresql://postgres:secret@127.0.0.1:${this.#port}/${database}`;
  }

  /** Parameters of a connection, as libpq's environment and `CREATE SUBSCRIPTION` want them. */
  libpq(): { port: number; user: string; password: string } {
    return { port: this.#port, user: 'postgres', password: 'secret' };
  }

  async run(database: string, ...statements: string[]): Promise<void> {
    await withConnection(this.dsn(database), 'bench', async (client) => {
      for (const statement of statements) await client.query(statement);
    });
  }

  /** Makes the databases that runs are copied from, with the table filled. */
  async makeTemplates(rows: number): Promise<void> {
    const site = { name: `site${this.site}`, number: this.site, incarnation: 1 };
    const ours = [...catalogDdl({ site }), ...modelDdl(LEASE_MODEL, this.site)];
    for (const [name, ddl] of [
      ['template_native', PLAIN_DDL],
      ['template_syncline', ours],
    ] as const) {
      await this.run('postgres', `CREATE DATABASE ${name}`);
      // As a replica, so that the rows are as if they had been there before: without stamps.
      await this.run(
        name,
        ...ddl,
        ...['SET session_replication_role = replica', fillSql(rows), 'VACUUM ANALYZE leases.lease'],
      );
    }
  }

  /** A fresh copy of a template. Ends with a checkpoint, so that no run pays for another one's pages. */
  async copy(template: string, database: string): Promise<void> {
    await this.run(
      'postgres',
      `CREATE DATABASE ${database} TEMPLATE ${template} STRATEGY file_copy`,
      'CHECKPOINT',
    );
  }

  async drop(database: string): Promise<void> {
    await this.run('postgres', `DROP DATABASE IF EXISTS ${database} WITH (FORCE)`);
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
  readonly a: Server;
  readonly b: Server;

  private constructor(folder: string, a: Server, b: Server) {
    this.folder = folder;
    this.a = a;
    this.b = b;
  }

  static async start(rows: number): Promise<Servers> {
    const folder = mkdtempSync(join(tmpdir(), 'syncline-bench-'));
    const { runAs } = embeddedBinaries();
    if (runAs !== undefined) chownSync(folder, runAs.uid, runAs.gid);
    chmodSync(folder, 0o711);
    const a = await Server.start(1, folder);
    const b = await Server.start(2, folder);
    const servers = new Servers(folder, a, b);
    for (const server of [a, b]) await server.makeTemplates(rows);
    return servers;
  }

  async remove(): Promise<void> {
    await this.a.stop();
    await this.b.stop();
    if (existsSync(this.folder)) rmSync(this.folder, { recursive: true, force: true });
  }
}
