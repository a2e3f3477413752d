import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { createAuthority, issueCertificate } from '../../src/link/authority.ts';
import { writeConfig } from '../../src/site/config/config.ts';
import type { SiteConfig } from '../../src/site/config/config.ts';
import { askAgent } from '../../src/site/agent/control.ts';
import { createSite } from '../../src/site/create/create.ts';
import { beginCapture, slotName } from '../../src/site/create/create-database.ts';
import { siteFolder } from '../../src/site/config/folder.ts';
import type { SiteStatus } from '../../src/site/agent/status.ts';
import { freePort } from '../../test/support/server.ts';
import { cpuSeconds } from './cpu.ts';
import { LEASE_MODEL } from './lease-model.ts';
import type { Server } from './servers.ts';
import { dropSlot } from './slots.ts';
import { Wire } from './wire.ts';

const MAIN = fileURLToPath(
  import.meta.resolve(
    import.meta.url.endsWith('.ts') ? '../../src/cli/main.ts' : '../../src/cli/main.js',
  ),
);
/** Longest time for an agent to come up, and for all links to be there. */
const START_MS = 180_000;

/** Where a site of the group is to be: a template database of this name is made on the server. */
export interface Place {
  server: Server;
  template: string;
}

interface Site extends Place {
  root: string;
  config: SiteConfig;
  agent: ChildProcess | undefined;
}

/**
 * A group of sites as users have it: set up as `syncline init` and `join` do, each with `syncline up` as a
 * process of its own on an existing server. What differs is the table's rows, which are in the templates
 * instead of in a base copy, and that each run has fresh copies of the templates.
 */
export class BenchSites {
  readonly #sites: Site[];
  readonly wire: Wire;

  private constructor(sites: Site[], wire: Wire) {
    this.#sites = sites;
    this.wire = wire;
  }

  /** Makes the template databases, filled with so many rows, and the sites' folders below `folder`. */
  static async make(
    group: string,
    options: { places: readonly Place[]; folder: string; rows: number },
  ): Promise<BenchSites> {
    const { places, folder, rows } = options;
    const ports: number[] = [];
    while (ports.length < places.length) ports.push(await freePort());
    const wire = await Wire.start(ports);
    try {
      const sites = await createSites(group, { places, folder, ports });
      for (const { server, template } of places) {
        const members = sites.map(({ config }) => memberSql(config));
        await server.run(template, ...members);
        await server.fill(template, rows);
      }
      return new BenchSites(sites, wire);
    } catch (error) {
      await wire.stop();
      throw error;
    }
  }

  /**
   * Points the sites at copies of their templates, one for each, and begins anew. Links that need not be cut
   * are direct, as those of the peers.
   */
  async prepare(databases: readonly string[], links: { cuttable: boolean }): Promise<void> {
    for (const [index, { config }] of this.#sites.entries()) {
      const port = links.cuttable ? this.wire.ports[index]! : config.link.port;
      config.link.address = `127.0.0.1:${port}`;
    }
    const addresses = this.#sites.map(({ config }) => addressSql(config));
    for (const [index, site] of this.#sites.entries()) {
      await site.server.run(databases[index]!, ...addresses);
      const url = (dsn: string): string => withDatabase(dsn, databases[index]!);
      const { database } = site.config;
      const { url: agentUrl, serviceUrl } = database;
      site.config.database = {
        ...database,
        ...{ url: url(agentUrl), serviceUrl: url(serviceUrl) },
      };
      writeConfig(site.root, site.config);
      rmSync(siteFolder(site.root).journal, { recursive: true, force: true });
      await beginCapture({
        root: site.root,
        ...{ url: site.config.database.url, slot: slotOf(site.config) },
        quotaBytes: site.config.journal.quotaBytes,
      });
    }
  }

  /** Starts the agents, all of them or those of the indexes; settles when they answer. */
  async up(indexes: readonly number[] = this.#sites.map((_, index) => index)): Promise<void> {
    const nodeArgs = process.env['BENCH_AGENT_ARGS']?.split(' ') ?? process.execArgv;
    const sites = indexes.map((index) => this.#sites[index]!);
    for (const site of sites) {
      site.agent = spawn(process.execPath, [...nodeArgs, MAIN, 'up', '--dir', site.root], {
        stdio: ['ignore', 'ignore', 'inherit'],
      });
    }
    await Promise.all(sites.map((site) => within(site, () => answers(site))));
  }

  /** Settles when every site captures and has its links to all others. */
  async live(): Promise<void> {
    await Promise.all(this.#sites.map((site) => within(site, () => this.#isLive(site))));
  }

  async #isLive(site: Site): Promise<boolean> {
    const { capture, peers } = (await askAgent(site.root, 'status')) as SiteStatus;
    return (
      capture.state === 'running' &&
      peers.length === this.#sites.length - 1 &&
      peers.every((peer) => peer.link === 'connected')
    );
  }

  /** Ends all agents: SIGKILL is a crash, SIGTERM an orderly stop. */
  async down(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    await Promise.all(
      this.#sites.map(async (site) => {
        const { agent } = site;
        site.agent = undefined;
        if (agent === undefined || agent.exitCode !== null || agent.signalCode !== null) return;
        const exited = once(agent, 'exit');
        agent.kill(signal);
        await exited;
      }),
    );
  }

  /** Ends the agents and gives the slots back; the databases can be dropped then. */
  async close(): Promise<void> {
    await this.down('SIGTERM');
    for (const { server, config } of this.#sites) await dropSlot(server, slotOf(config));
  }

  /** Ends everything, without care for the databases. */
  async remove(): Promise<void> {
    await this.down('SIGKILL');
    await this.wire.stop();
  }

  /** CPU seconds of each agent since it was started; 0 while it is down. */
  cpu(): number[] {
    return this.#sites.map(({ agent }) => (agent === undefined ? 0 : cpuSeconds(agent.pid!)));
  }

  /** The agents that run. */
  processes(): number[] {
    return this.#sites.flatMap(({ agent }) => agent?.pid ?? []);
  }
}

async function createSites(
  group: string,
  options: { places: readonly Place[]; folder: string; ports: readonly number[] },
): Promise<Site[]> {
  const authority = await createAuthority(group);
  const hash = createHash('sha256').update(JSON.stringify(LEASE_MODEL)).digest('hex');
  const sites: Site[] = [];
  for (const [index, place] of options.places.entries()) {
    const number = index + 1;
    const name = `${group}${number}`;
    const root = join(options.folder, name);
    const { server, template } = place;
    await server.run('postgres', `CREATE DATABASE ${template}`);
    const port = options.ports[index]!;
    const config = await createSite({
      ...{ root, database: server.localDsn(template), databasePort: 1, site: name, number, group },
      ...{ quotaBytes: 2 ** 35, maxDriftMs: 10_000, models: [{ ir: LEASE_MODEL, hash }] },
      link: { host: '127.0.0.1', port, address: `127.0.0.1:${port}` },
      authority: authority.certificate,
      identity: await issueCertificate(authority, { group, name }),
      fill: () => Promise.resolve(),
    });
    await dropSlot(server, slotOf(config));
    config.log.level = 'warn';
    sites.push({ ...place, root, config, agent: undefined });
  }
  return sites;
}

/** Makes a site known at all the others, and at itself. */
function memberSql({ site, number, link }: SiteConfig): string {
  return `INSERT INTO crp.member (name, number, address, state)
    VALUES ('${site}', ${number}, '${link.address}', 'active') ON CONFLICT (name) DO NOTHING`;
}

function addressSql({ site, link }: SiteConfig): string {
  return `UPDATE crp.member SET address = '${link.address}' WHERE name = '${site}'`;
}

function slotOf({ group, site }: SiteConfig): string {
  return slotName(group, site);
}

function withDatabase(dsn: string, database: string): string {
  const url = new URL(dsn);
  url.pathname = `/${database}`;
  return url.href;
}

async function answers({ root, agent }: Site): Promise<boolean> {
  const answer = (await askAgent(root, 'ping').catch(() => undefined)) as
    { pid: number } | undefined;
  return answer?.pid === agent?.pid;
}

/** Asks until the condition holds; what the agent had to say is in the error when it does not. */
async function within(site: Site, holds: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + START_MS;
  while (!(await holds())) {
    const ended = site.agent === undefined || site.agent.exitCode !== null;
    if (ended || Date.now() > end) {
      const log = siteFolder(site.root).log;
      const said = existsSync(log)
        ? readFileSync(log, 'utf8').split('\n').slice(-6).join('\n')
        : '';
      throw new Error(
        `agent of ${site.config.site} ${ended ? 'ended' : 'does not come up'}: ${said}`,
      );
    }
    await delay(5);
  }
}
