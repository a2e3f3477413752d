import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Client } from 'pg';
import type { Model } from '../../src/model/ir/ir.ts';
import { connect } from '../../src/postgres/connect.ts';
import { parseAddress } from '../../src/site/config/address.ts';
import { upsertMember } from '../../src/site/database/catalog.ts';
import type { SiteConfig } from '../../src/site/config/config.ts';
import { readConfig } from '../../src/site/config/config.ts';
import { askAgent } from '../../src/site/agent/control.ts';
import type { SitePlace } from '../../src/site/create/create.ts';
import { makeInvitation } from '../../src/site/create/group.ts';
import type { Invitation } from '../../src/site/create/group.ts';
import { initSite } from '../../src/site/create/init.ts';
import { joinSite } from '../../src/site/create/join.ts';
import type { SiteStatus } from '../../src/site/agent/status.ts';
import { eventually } from './pair.ts';
import { fromSources, program } from './program.ts';
import { freePort } from './server.ts';
import { TcpProxy } from './tcp-proxy.ts';

const MAIN = 'src/cli/main.ts';

/**
 * Agents that this process starts from now on make a round four times as often: for tests that wait for what takes many
 * of them. Not where tombstones or histories have to be there for a while: every site soon has them, and they go.
 */
export function quickRounds(): void {
  process.env['SYNCLINE_ROUND_MS'] = '500';
}

export interface CliResult {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** A command of the command line while it runs; `result` fills, and is whole when `ended` settles. */
export interface RunningCli {
  child: ChildProcess;
  result: CliResult;
  ended: Promise<CliResult>;
}

export function startCli(...args: string[]): RunningCli {
  const child = spawn(process.execPath, [...program(MAIN), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const result: CliResult = { code: null, stdout: '', stderr: '' };
  child.stdout.on('data', (part: Buffer) => (result.stdout += part.toString()));
  child.stderr.on('data', (part: Buffer) => (result.stderr += part.toString()));
  const ended = new Promise<CliResult>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve(Object.assign(result, { code })));
  });
  return { child, result, ended };
}

/** Runs a command of the command line to its end. */
export function cli(...args: string[]): Promise<CliResult> {
  return startCli(...args).ended;
}

/** The command failed, said what, and gave a hint. */
export function refused(result: CliResult, code: string, hint: RegExp): void {
  assert.equal(result.code, 1, result.stdout + result.stderr);
  assert.match(result.stderr, new RegExp(`^syncline: [^]+ \\[${code}\\]\\n {2}hint: `));
  assert.match(result.stderr, hint);
}

/** A site on an existing server, with its agent as a process of its own and a proxy before its link. */
export class AgentSite {
  readonly dir: string;
  readonly config: SiteConfig;
  readonly proxy: TcpProxy;
  /** A session of the service's role. */
  readonly sql: Client;
  readonly adminUrl: string;
  #agent: ChildProcess | undefined;

  private constructor(
    dir: string,
    parts: { config: SiteConfig; proxy: TcpProxy; sql: Client; adminUrl: string },
  ) {
    this.dir = dir;
    this.config = parts.config;
    this.proxy = parts.proxy;
    this.sql = parts.sql;
    this.adminUrl = parts.adminUrl;
  }

  /** The first site of a group. */
  static async init(
    name: string,
    options: { adminUrl: string; model: Model; quotaBytes?: number; group?: string },
  ): Promise<AgentSite> {
    const hash = createHash('sha256').update(JSON.stringify(options.model)).digest('hex');
    const models = [{ ir: options.model, hash }];
    return AgentSite.#make(options.adminUrl, options.quotaBytes, (place) =>
      initSite({ ...place, site: name, group: options.group ?? 'test', models }),
    );
  }

  /** A further site, from an invitation. */
  static async join(
    invitation: Invitation,
    options: { adminUrl: string; quotaBytes?: number },
  ): Promise<AgentSite> {
    return AgentSite.#make(
      options.adminUrl,
      options.quotaBytes,
      async (place) => (await joinSite(place, invitation)).config,
    );
  }

  static async #make(
    adminUrl: string,
    quotaBytes: number | undefined,
    make: (place: SitePlace) => Promise<SiteConfig>,
  ): Promise<AgentSite> {
    const dir = mkdtempSync(join(tmpdir(), 'crp-agent-'));
    const port = await freePort();
    const proxy = await TcpProxy.start({ host: '127.0.0.1', port });
    const place: SitePlace = {
      ...{ root: dir, database: adminUrl, databasePort: 1 },
      link: { host: '127.0.0.1', port, address: proxy.address },
      ...{ quotaBytes: quotaBytes ?? 2 ** 30, maxDriftMs: 10_000 },
    };
    const config = await make(place).catch(async (error: unknown) => {
      await proxy.close();
      rmSync(dir, { recursive: true, force: true });
      throw error;
    });
    const sql = await connect(config.database.serviceUrl, 'test service');
    return new AgentSite(dir, { config, proxy, sql, adminUrl });
  }

  async invite(site: string, number: number): Promise<Invitation> {
    const client = await connect(this.config.database.url, 'test invite');
    await upsertMember(client, {
      ...{ name: site, number, address: null, incarnation: 1, state: 'invited' },
    });
    await client.end();
    const { group, site: name, link } = this.config;
    const via = { name, address: link.address };
    const wanted = { group, site, via, lifetimeMs: 3_600_000 };
    return makeInvitation(this.dir, wanted, () => Promise.resolve(number));
  }

  /** Starts the agent, with further modules in its process, and waits until it answers. */
  async up(options: { imports?: readonly string[] } = {}): Promise<void> {
    const { imports } = options;
    // Such a module changes others, and knows where their sources are.
    const run = imports === undefined ? program(MAIN) : fromSources(MAIN, imports);
    const args = [...run, 'up', '--dir', this.dir];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    let errors = '';
    child.stderr.on('data', (part: Buffer) => (errors += part.toString()));
    this.#agent = child;
    await eventually(`agent of ${this.config.site} answers`, async () => {
      if (child.exitCode !== null) throw new Error(`the agent ended: ${errors}`);
      const answer = (await askAgent(this.dir, 'ping').catch(() => undefined)) as
        { pid: number } | undefined;
      return answer?.pid === child.pid;
    });
  }

  /** Ends the agent: SIGKILL is a crash, SIGTERM an orderly stop. */
  async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const child = this.#agent;
    if (child === undefined) return;
    this.#agent = undefined;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    await ended;
  }

  async restart(): Promise<void> {
    await this.end('SIGTERM');
    await this.up();
  }

  async status(): Promise<SiteStatus> {
    return (await askAgent(this.dir, 'status')) as SiteStatus;
  }

  /** Reads the configuration again. */
  currentConfig(): SiteConfig {
    return readConfig(this.dir);
  }

  async remove(): Promise<void> {
    await this.end('SIGTERM').catch(() => undefined);
    await this.proxy.close();
    await this.sql.end().catch(() => undefined);
    const slot = `crp_${this.config.group}_${this.config.site}`;
    const admin = await connect(this.adminUrl, 'test').catch(() => undefined);
    await admin?.query('SELECT pg_drop_replication_slot($1)', [slot]).catch(() => undefined);
    await admin?.end();
    rmSync(this.dir, { recursive: true, force: true });
  }

  /** Where the agent itself listens, without the proxy. */
  get port(): number {
    return parseAddress('address', `127.0.0.1:${this.config.link.port}`).port;
  }
}
