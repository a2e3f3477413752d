import type { Client } from 'pg';
import { silentLog } from '../../src/base/log.ts';
import { modelHash } from '../../src/model/ir/hash.ts';
import type { Model } from '../../src/model/ir/ir.ts';
import { connect, withConnection } from '../../src/postgres/connect.ts';
import { adoptModel } from '../../src/site/adopt/adopt.ts';
import type { RowSource } from '../../src/site/adopt/adopt.ts';
import { DEFAULT_LOCKING } from '../../src/site/database/adoption.ts';
import { Agent } from '../../src/site/agent/agent.ts';
import type { SiteStatus } from '../../src/site/agent/status.ts';
import { AgentSite } from './agents.ts';
import type { TestServer } from './server.ts';

/** A site with its agent in this process, whose service works in a session of the tables' owner. */
export class LiveSite {
  readonly site: AgentSite;
  /** A session of the tables' owner. */
  readonly sql: Client;
  #agent: Agent | undefined;
  #stop = new AbortController();
  #running: Promise<void> = Promise.resolve();

  private constructor(site: AgentSite, sql: Client) {
    this.site = site;
    this.sql = sql;
  }

  /**
   * Makes a database with tables and a site in it.
   *
   * @param first the group's first site; without it a group begins
   */
  static async make(
    server: TestServer,
    name: string,
    options: { tables: string; model?: Model; first?: LiveSite; number?: number },
  ): Promise<LiveSite> {
    const adminUrl = await server.createDatabase(name);
    await withConnection(adminUrl, 'test', (client) => client.query(options.tables));
    const { first, number, model } = options;
    const site =
      first === undefined
        ? await AgentSite.init(name, { adminUrl, model: model!, group: name })
        : await AgentSite.join(await first.site.invite(name, number ?? 2), { adminUrl });
    const made = new LiveSite(site, await connect(adminUrl, 'test service'));
    await made.up();
    return made;
  }

  async up(): Promise<void> {
    const agent = await Agent.open(this.site.dir, silentLog());
    this.#stop = new AbortController();
    this.#agent = agent;
    this.#running = agent.run(this.site.dir, this.#stop.signal);
  }

  /** What the agent says of itself. */
  async status(): Promise<SiteStatus | undefined> {
    return this.#agent?.status();
  }

  async down(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  /** Gives the site a model, which its agent must not run for. */
  async adopt(model: Model, source: RowSource = { kind: 'ask' }): Promise<number> {
    const { dir: root, adminUrl } = this.site;
    const request = { root, adminUrl, source, locking: DEFAULT_LOCKING, log: silentLog() };
    return (await adoptModel({ ...request, model: { ir: model, hash: modelHash(model) } })).rows;
  }

  /** Stops the agent, adopts, and starts it again. */
  async adoptAndUp(model: Model, source?: RowSource): Promise<void> {
    await this.down();
    await this.adopt(model, source);
    await this.up();
  }

  /** The only value of a query's only row, as a number. */
  async number(sql: string): Promise<number> {
    return Number(Object.values((await this.sql.query<Record<string, unknown>>(sql)).rows[0]!)[0]);
  }

  async remove(): Promise<void> {
    await this.down();
    await this.sql.end();
    await this.site.remove();
  }
}
