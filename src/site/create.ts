import { randomBytes } from 'node:crypto';
import { existsSync, rmSync } from 'node:fs';
import type { Client } from 'pg';
import { AppError } from '../base/errors.ts';
import { ensureSlot } from '../capture/setup.ts';
import type { Identity } from '../link/authority.ts';
import { withConnection } from '../postgres/connect.ts';
import type { Cluster } from '../postgres/cluster.ts';
import { ident } from '../model/names.ts';
import type { InstalledModel } from './catalog.ts';
import { checkSiteName, writeConfig } from './config.ts';
import type { SiteConfig } from './config.ts';
import { chooseDataFolder, clusterAt, DATABASE, SUPERUSER } from './embedded.ts';
import { siteFolder, writeSecret } from './folder.ts';
import { adoptedEntities } from '../sql/install-ddl.ts';
import { checkAdoptions, DEFAULT_LOCKING, withTableLocks } from './adoption.ts';
import type { LockPolicy } from './adoption.ts';
import { checkServer, provision, roleNames, unprovision } from './provision.ts';
import { inTransaction } from '../postgres/transaction.ts';

/** Where a new site lives and how it is reached. */
export interface SitePlace {
  root: string;
  /** Connection string of a superuser of an existing server; without it an embedded server is made. */
  database?: string | undefined;
  /** Port of the embedded server. */
  databasePort: number;
  link: SiteConfig['link'];
  quotaBytes: number;
  maxDriftMs: number;
  /** How tables in use are come by, of models that adopt some. */
  locking?: LockPolicy;
}

export interface NewSite extends SitePlace {
  site: string;
  number: number;
  group: string;
  authority: string;
  identity: Identity;
  /** Set at the site that begins a group. */
  authorityKey?: string;
  models: readonly InstalledModel[];
  /** Last values of the sequences of adopted tables at the site that gives the rows, by `schema.name`. */
  above?: ReadonlyMap<string, string>;
  /** Fills the new tables, in the transaction that makes them. */
  fill: (client: Client) => Promise<void>;
}

/**
 * Makes a site: database, roles, catalogue, tables, slot, certificates, and last its configuration. If
 * anything fails, what was made is removed again: a site is there whole or not at all.
 *
 * @throws AppError SITE_EXISTS, and those of `checkServer` and `provision`
 */
export async function createSite(options: NewSite): Promise<SiteConfig> {
  checkSiteName(options.site);
  const folder = siteFolder(options.root);
  if (existsSync(folder.config)) {
    throw new AppError('SITE_EXISTS', `There is a site in "${folder.root}"`, {
      hint: 'Start it with syncline up, or name another folder: --dir FOLDER',
    });
  }
  const existed = existsSync(folder.root);
  const embedded = options.database === undefined ? newCluster(options) : undefined;
  try {
    const adminUrl = await startDatabase(options, embedded);
    const { data, socket } = embedded?.cluster.options ?? {};
    const config = await setUp(options, { adminUrl, embedded: data, socket });
    writeSecret(folder.authority, options.authority);
    writeSecret(folder.certificate, options.identity.certificate);
    writeSecret(folder.key, options.identity.key);
    if (options.authorityKey !== undefined) writeSecret(folder.authorityKey, options.authorityKey);
    writeConfig(options.root, config);
    return config;
  } catch (error) {
    await embedded?.cluster.stop('immediate').catch(() => undefined);
    if (embedded !== undefined)
      rmSync(embedded.cluster.options.data, { recursive: true, force: true });
    if (!existed) rmSync(folder.root, { recursive: true, force: true });
    throw error;
  }
}

interface NewCluster {
  cluster: Cluster;
  password: string;
}

function newCluster(options: NewSite): NewCluster {
  const data = chooseDataFolder(options.root);
  return { cluster: clusterAt(data, options.databasePort), password: newPassword() };
}

/** The connection string of a superuser of the new site's database. */
async function startDatabase(options: NewSite, made: NewCluster | undefined): Promise<string> {
  if (made === undefined) return options.database!;
  const { cluster, password } = made;
  if (cluster.exists()) {
    throw new AppError('SITE_EXISTS', `There is a database in "${cluster.options.data}"`, {
      hint: 'It was left by another site: remove the folder if it is not needed any more',
    });
  }
  await cluster.init(password);
  await cluster.start();
  const url = (database: string): string =>
    connectionUrl(`127.0.0.1:${options.databasePort}`, { name: SUPERUSER, password }, database);
  await withConnection(url('postgres'), 'syncline init', (client) =>
    client.query(`CREATE DATABASE ${ident(DATABASE)}`),
  );
  return url(DATABASE);
}

async function setUp(
  options: NewSite,
  database: { adminUrl: string; embedded: string | undefined; socket: string | undefined },
): Promise<SiteConfig> {
  const names = roleNames(options.site);
  const agent = { name: names.agent, password: newPassword() };
  const service = { name: names.service, password: newPassword() };
  await withConnection(database.adminUrl, 'syncline init', async (client) => {
    const serverMajor = await checkServer(client);
    const models = options.models.map(({ ir }) => ir);
    const { tables } = await checkAdoptions(client, models, options.number);
    const policy = options.locking ?? DEFAULT_LOCKING;
    const entities = models.flatMap(adoptedEntities);
    await withTableLocks(client, { entities, policy }, async (lock) => {
      const made = {
        site: { name: options.site, number: options.number, incarnation: 1 },
        ...{ address: options.link.address, owner: names.owner, agent, service },
        ...{ models: options.models, tables, serverMajor },
        ...(options.above === undefined ? {} : { above: options.above }),
      };
      await provision(client, made, lock);
      await options.fill(client);
    });
  });
  const { host, pathname, search } = new URL(database.adminUrl);
  const url =
    connectionUrl(host, agent, pathname.slice(1)) + (socketSearch(database.socket) ?? search);
  await makeSlot(options, { adminUrl: database.adminUrl, url });
  return {
    ...{ site: options.site, number: options.number, group: options.group, link: options.link },
    database: {
      url,
      serviceUrl: connectionUrl(host, service, pathname.slice(1)) + search,
      adminUrl: database.embedded === undefined ? undefined : database.adminUrl,
      embedded: database.embedded,
    },
    journal: { quotaBytes: options.quotaBytes },
    clock: { maxDriftMs: options.maxDriftMs },
    notify: { webhook: undefined },
    afterApply: {},
    log: { level: 'info' },
  };
}

/** After the commit: the slot must not see the rows of a base copy, and cannot be made in a transaction. */
async function makeSlot(options: NewSite, urls: { adminUrl: string; url: string }): Promise<void> {
  try {
    await ensureSlot(urls.url, slotName(options.group, options.site));
  } catch (error) {
    await withConnection(urls.adminUrl, 'syncline init', (client) =>
      inTransaction(client, () => unprovision(client, options.site, options.models)),
    );
    throw error;
  }
}

/** Name of the site's replication slot; slots belong to the whole server, hence both names in it. */
export function slotName(group: string, site: string): string {
  return `crp_${group}_${site}`.replace(/[^a-z0-9_]/g, '_').slice(0, 63);
}

/** The agent of an embedded server reaches it by its socket; everybody else by TCP. */
function socketSearch(socket: string | undefined): string | undefined {
  return socket && `?${new URLSearchParams({ host: socket }).toString()}`;
}

function connectionUrl(
  host: string,
  account: { name: string; password: string },
  database: string,
): string {
  return `postgresql://${account.name}:${account.password}@${host}/${database}`;
}

function newPassword(): string {
  return randomBytes(18).toString('base64url');
}
