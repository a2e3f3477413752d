import { connect, withConnection } from '../../src/postgres/connect.ts';
import { digests } from '../../src/repair/digest.ts';
import type { Model } from '../../src/model/ir/ir.ts';
import { AgentSite } from './agents.ts';
import { eventually } from './pair.ts';
import type { TestServer } from './server.ts';

/** Makes the sites `one` and `two` on a server, as `sitesOf` does. */
export function twoSites(sites: AgentSite[], server: TestServer, model: Model): Promise<void> {
  return sitesOf(sites, { model, database: (name) => server.createDatabase(name) }, [['two', 2]]);
}

/**
 * Makes the site `one` and others that join it, and starts them. Each is added to `sites` as soon as it is there, so that
 * it can be removed whatever happens after.
 *
 * @param made.database makes a site's database and tells its superuser's connection string
 */
export async function sitesOf(
  sites: AgentSite[],
  made: { model: Model; database: (name: string) => Promise<string> },
  others: readonly (readonly [name: string, number: number])[],
): Promise<void> {
  const { model, database } = made;
  const one = await AgentSite.init('one', { adminUrl: await database('one'), model });
  sites.push(one);
  await one.up();
  for (const [name, number] of others) {
    await joinSite(sites, { name, number, adminUrl: await database(name) });
  }
}

/** A site that joins the first one; it is started, and added to `sites` as soon as it is there. */
export async function joinSite(
  sites: AgentSite[],
  place: { name: string; number: number; adminUrl: string },
): Promise<void> {
  const { name, number, adminUrl } = place;
  const site = await AgentSite.join(await sites[0]!.invite(name, number), { adminUrl });
  sites.push(site);
  await site.up();
}

/** Waits until the sites have the same rows of the models' entities. */
export async function equalSites(
  sites: readonly AgentSite[],
  models: readonly Model[],
): Promise<void> {
  const clients = await Promise.all(sites.map((site) => connect(site.config.database.url, 'test')));
  try {
    await eventually(`${sites.length} sites are equal`, async () => {
      const all = await Promise.all(clients.map((client) => digests(client, models)));
      return all.every((one) => JSON.stringify(one) === JSON.stringify(all[0]));
    });
  } finally {
    await Promise.all(clients.map((client) => client.end()));
  }
}

/** What tests of clashes ask of a group of sites; the group may grow meanwhile. */
export class ClashGroup {
  readonly #sites: readonly AgentSite[];
  readonly #schema: string;
  readonly #column: string;

  /** @param options.column SQL of what is shown of a row where nothing else is said */
  constructor(sites: readonly AgentSite[], options: { schema: string; column: string }) {
    this.#sites = sites;
    this.#schema = options.schema;
    this.#column = options.column;
  }

  /** Writes at each site without knowledge of the others; the first statement is the first in time. */
  async apart(...statements: string[]): Promise<void> {
    for (const site of this.#sites) site.proxy.set('cut');
    try {
      for (const [at, sql] of statements.entries()) await this.#sites[at]!.sql.query(sql);
    } finally {
      for (const site of this.#sites) site.proxy.set('open');
    }
  }

  /** The rows with ids from `from` on, ten at most, at one site. */
  async rows(site: AgentSite, table: string, from: number, column = this.#column): Promise<string> {
    const { rows } = await site.sql.query<{ v: string | null }>(
      `SELECT string_agg(concat_ws(' ', id, ${column}), ', ' ORDER BY id) AS v
       FROM ${this.#schema}.${table} WHERE id >= ${from} AND id < ${from} + 10`,
    );
    return rows[0]!.v ?? 'none';
  }

  /** Waits until every site has these rows with ids from `from` on. */
  async everywhere(table: string, from: number, wanted: string, column?: string): Promise<void> {
    let found: string[] = [];
    await eventually(`${table} ${from}: ${wanted}`, async () => {
      found = await Promise.all(this.#sites.map((site) => this.rows(site, table, from, column)));
      return found.every((one) => one === wanted);
    }).catch((error: Error) => {
      throw new Error(`${error.message}; found ${found.join(' | ')}`);
    });
  }

  /** Waits until some site's records of a key say this: type, method and status. */
  async recorded(entity: string, id: number, wanted: string): Promise<void> {
    let found: string[] = [];
    await eventually(`record of ${entity} ${id}: ${wanted}`, async () => {
      found = await Promise.all(this.#sites.map((site) => record(site, entity, id)));
      return found.some((one) => one.includes(wanted));
    }).catch((error: Error) => {
      throw new Error(`${error.message}; found ${found.join(' | ')}`);
    });
  }
}

function record(site: AgentSite, entity: string, id: number): Promise<string> {
  return withConnection(site.config.database.url, 'test', async (client) => {
    const { rows } = await client.query<{ v: string | null }>(
      `SELECT string_agg(DISTINCT concat_ws(' ', type, method, status), ', ') AS v FROM crp.conflict
       WHERE entity = $1 AND key->>'id' = $2`,
      [entity, String(id)],
    );
    return rows[0]!.v ?? '';
  });
}
