import { rmSync } from 'node:fs';
import { isAbsolute, relative } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'pg';
import { withConnection } from '../../src/postgres/connect.ts';
import type { EntityDigest } from '../../src/repair/digest.ts';
import { readConfig, writeConfig } from '../../src/site/config/config.ts';
import type { SiteStatus } from '../../src/site/agent/status.ts';
import { syncline } from './cli.ts';
import { command } from './say.ts';

const LIMIT_MS = 120_000;

/** Waits until the condition holds; fails with its name after the limit. Returns the time in ms. */
export async function until(what: string, holds: () => Promise<boolean>): Promise<number> {
  const began = performance.now();
  while (!(await holds())) {
    if (performance.now() - began > LIMIT_MS) throw new Error(`not within ${LIMIT_MS} ms: ${what}`);
    await delay(5);
  }
  return performance.now() - began;
}

/** A path as the reader can type it here. */
export function short(path: string): string {
  const below = relative(process.cwd(), path);
  return isAbsolute(path) && !below.startsWith('..') ? below : path;
}

/** One of the demonstration's sites: its folder, its agent, and a session of its service. */
export class DemoSite {
  readonly name: string;
  readonly dir: string;
  #service: Client | undefined;

  constructor(name: string, dir: string) {
    this.name = name;
    this.dir = dir;
  }

  /** Runs a command for this site and shows it. */
  async run(...args: string[]): Promise<string> {
    command(`syncline ${args.map(short).join(' ')} --dir ${short(this.dir)}`);
    return this.quietly(...args);
  }

  quietly(...args: string[]): Promise<string> {
    return syncline(...args, '--dir', this.dir);
  }

  /** Opens the session with which the service writes and reads. */
  async connect(): Promise<void> {
    this.#service = await this.newSession();
  }

  async newSession(): Promise<Client> {
    const client = new Client({ connectionString: this.serviceUrl() });
    await client.connect();
    return client;
  }

  serviceUrl(): string {
    return readConfig(this.dir).database.serviceUrl;
  }

  async query<T extends object>(text: string, values: unknown[] = []): Promise<T[]> {
    return (await this.#service!.query<T>(text, values)).rows;
  }

  async status(): Promise<SiteStatus> {
    return JSON.parse(await this.quietly('status', '--json')) as SiteStatus;
  }

  async digest(): Promise<EntityDigest[]> {
    return JSON.parse(await this.quietly('digest', '--json')) as EntityDigest[];
  }

  async conflicts(): Promise<number> {
    const { url } = readConfig(this.dir).database;
    const rows = await withConnection(url, 'demo', async (client) =>
      client.query<{ count: string }>('SELECT count(*) FROM crp.conflict'),
    );
    return Number(rows.rows[0]!.count);
  }

  /** Gives the site another address and starts its agent again; the other members hear of it. */
  async moveTo(address: string): Promise<void> {
    const config = readConfig(this.dir);
    await this.quietly('down');
    writeConfig(this.dir, { ...config, link: { ...config.link, address } });
    await this.quietly('up', '--detach');
  }

  async disconnect(): Promise<void> {
    await this.#service?.end();
    this.#service = undefined;
  }

  /** Stops agent and database and removes everything; fine if there is nothing. */
  async remove(): Promise<void> {
    let data: string | undefined;
    try {
      data = readConfig(this.dir).database.embedded;
      await this.quietly('down', '--database');
    } catch {
      // No site in the folder.
    }
    if (data !== undefined) rmSync(data, { recursive: true, force: true });
    rmSync(this.dir, { recursive: true, force: true });
  }
}
