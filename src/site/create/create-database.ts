import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, rmdirSync, rmSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { Client } from 'pg';
import { AppError, describeError } from '../../base/errors.ts';
import type { Undo } from '../../base/undo.ts';
import { notePosition } from '../../capture/confirmation.ts';
import { ensureSlot } from '../../capture/setup.ts';
import { LmdbJournal } from '../../journal/journal-lmdb.ts';
import { ident } from '../../model/ir/names.ts';
import { endOnAbort } from '../../postgres/cancel.ts';
import { withConnection, withSuperuser } from '../../postgres/connect.ts';
import { openTransactions } from '../../postgres/open-transactions.ts';
import { inSharedTransaction } from '../../postgres/transaction.ts';
import { adoptedEntities } from '../../sql/ddl/install-ddl.ts';
import { lend, takeBackLent, useLent } from '../database/lent.ts';
import { checkAdoptions, DEFAULT_LOCKING, withTableLocks } from '../database/adoption.ts';
import type { SiteConfig } from '../config/config.ts';
import type { NewSite } from './create.ts';
import { chooseDataFolder, clusterAt, DATABASE, SUPERUSER } from '../database/embedded.ts';
import { siteFolder } from '../config/folder.ts';
import { dropSlot } from '../database/left.ts';
import {
  checkServer,
  makeRoles,
  noteSite,
  provisionDdl,
  roleNames,
  unprovision,
} from '../database/provision.ts';
import type { ProvisionOptions, RoleAccount } from '../database/provision.ts';

/** A slot begins when all transactions of the server that wrote before have ended: from then on it is said which. */
const SLOW_MS = 3_000;

/** The server of a new site. */
export interface NewServer {
  /** Connection string of a superuser of the site's database. */
  adminUrl: string;
  /** Set where the server is one of ours: its data folder, and where its socket is. */
  embedded?: string;
  socket?: string | undefined;
}

interface Accounts {
  agent: RoleAccount;
  service: RoleAccount;
}

/**
 * The existing server, or a new embedded one with an empty database.
 *
 * @throws AppError SITE_EXISTS, POSTGRES_INITDB, POSTGRES_START
 */
export async function makeServer(options: NewSite, undo: Undo): Promise<NewServer> {
  if (options.database !== undefined) return { adminUrl: options.database };
  const data = chooseDataFolder(options.root);
  for (const used of [data, join(resolve(options.root), 'postgres')].filter(hasFiles)) {
    throw new AppError('SITE_EXISTS', `There is a database in "${used}"`, {
      hint: 'It was left by another site: remove the folder if it is not needed any more',
    });
  }
  const { signal, databasePort } = options;
  const cluster = clusterAt(data, databasePort);
  const password = newPassword();
  // Where it had to be elsewhere its own folder around it goes too, if there is nothing else in it.
  undo.add(() => rmdirSync(dirname(data)));
  undo.add(() => rmSync(data, { recursive: true, force: true }));
  await cluster.init(password);
  signal?.throwIfAborted();
  undo.add(() => cluster.stop('immediate'));
  await cluster.start();
  const url = (database: string): string =>
    connectionUrl(`127.0.0.1:${databasePort}`, { name: SUPERUSER, password }, database);
  await withSuperuser(url('postgres'), 'syncline init', (client) =>
    client.query(`CREATE DATABASE ${ident(DATABASE)}`),
  );
  return { adminUrl: url(DATABASE), embedded: data, socket: cluster.options.socket };
}

function hasFiles(folder: string): boolean {
  return existsSync(folder) && readdirSync(folder).length > 0;
}

/**
 * Makes roles, catalogue, tables with their rows, and the slot.
 *
 * @returns how the site reaches its database
 * @throws AppError those of `checkServer`, `checkAdoptions`, `provision` and `ensureSlot`
 */
export async function makeDatabase(
  options: NewSite,
  server: NewServer,
  undo: Undo,
): Promise<SiteConfig['database']> {
  const { adminUrl, embedded, socket } = server;
  const names = roleNames(options.site);
  const agent = { name: names.agent, password: newPassword() };
  const service = { name: names.service, password: newPassword() };
  const { host, pathname, search } = new URL(adminUrl);
  const url = connectionUrl(host, agent, pathname.slice(1)) + (socketSearch(socket) ?? search);
  await withSuperuser(adminUrl, 'syncline init', async (admin) => {
    const leaveAlone = await endOnAbort(admin, adminUrl, options.signal);
    const made = await prepare(admin, options, { agent, service });
    undo.add(() => takeBack(adminUrl, options));
    await setUp(options, made, { admin, adminUrl, url });
    leaveAlone();
  });
  const slot = slotName(options.group, options.site);
  undo.add(() => dropSlot(adminUrl, slot));
  undo.add(() => rmSync(siteFolder(options.root).journal, { recursive: true, force: true }));
  await makeSlot({ url, adminUrl, slot }, options);
  return {
    url,
    serviceUrl: connectionUrl(host, service, pathname.slice(1)) + search,
    adminUrl: embedded === undefined ? undefined : adminUrl,
    embedded,
  };
}

/** Makes the roles, and lends the agent's what the rest needs a superuser for (lent.ts). */
async function prepare(
  admin: Client,
  options: NewSite,
  accounts: Accounts,
): Promise<ProvisionOptions> {
  const serverMajor = await checkServer(admin);
  const { tables, notes } = await checkAdoptions(
    admin,
    options.models.map(({ ir }) => ir),
    options.number,
  );
  for (const note of notes) options.tell?.(note);
  const made = {
    site: { name: options.site, number: options.number, incarnation: 1 },
    ...{ address: options.link.address, owner: roleNames(options.site).owner, ...accounts },
    ...{ models: options.models, tables, serverMajor },
    ...(options.above === undefined ? {} : { above: options.above }),
  };
  const changes = provisionDdl(made, options.locking ?? DEFAULT_LOCKING);
  await inSharedTransaction(admin, async () => {
    await makeRoles(admin, made);
    const { number: site } = options;
    await lend(admin, accounts.agent.name, { changes, tables, options: { ...made, site } });
  });
  return made;
}

/** Everything but the slot, in one transaction of the agent's role: rows of other sites have services' triggers fire. */
async function setUp(
  options: NewSite,
  made: ProvisionOptions,
  { admin, adminUrl, url }: { admin: Client; adminUrl: string; url: string },
): Promise<void> {
  const entities = options.models.flatMap(({ ir }) => adoptedEntities(ir));
  const policy = options.locking ?? DEFAULT_LOCKING;
  try {
    await withConnection(url, 'syncline init', async (client) => {
      const leaveAlone = await endOnAbort(client, adminUrl, options.signal);
      await withTableLocks(client, { entities, policy, admin }, async () => {
        await useLent(client, made);
        await noteSite(client, made);
        await options.fill(client);
        // An end in the middle of the commit would leave it open what became of it.
        options.signal?.throwIfAborted();
        leaveAlone();
      });
    });
  } finally {
    await takeBackLent(admin).catch(() => undefined);
  }
}

/** After the commit: the slot must not see the rows of a base copy, and cannot be made in a transaction. */
async function makeSlot(
  at: { url: string; adminUrl: string; slot: string },
  options: NewSite,
): Promise<void> {
  const slow = setTimeout(() => {
    const found = withSuperuser(at.adminUrl, 'syncline init', openTransactions);
    void found.then(
      (who) =>
        who !== '' && options.tell?.(`Waiting for transactions that were open before: ${who}`),
      () => undefined,
    );
  }, SLOW_MS);
  try {
    await beginCapture({ ...at, ...options });
  } finally {
    clearTimeout(slow);
  }
}

/** Makes a site's slot, and its journal, which says where the slot begins: a site without a journal has lost it. */
export async function beginCapture(site: {
  root: string;
  url: string;
  slot: string;
  quotaBytes: number;
  signal?: AbortSignal;
}): Promise<void> {
  const { root, url, slot, quotaBytes, signal } = site;
  const journal = LmdbJournal.open({ path: siteFolder(root).journal, quotaBytes });
  try {
    await notePosition(journal, await ensureSlot(url, slot, signal));
  } finally {
    await journal.close();
  }
}

async function takeBack(adminUrl: string, { site, models, tell }: NewSite): Promise<void> {
  try {
    await withSuperuser(adminUrl, 'syncline init', (client) =>
      inSharedTransaction(client, async () => {
        await takeBackLent(client);
        await unprovision(client, site, models);
      }),
    );
  } catch (error) {
    tell?.(
      `What was made in the database could not be removed (docs/operating/roles.md says how): ${describeError(error)}`,
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

function connectionUrl(host: string, account: RoleAccount, database: string): string {
  return `postgresql://${account.name}:${account.password}@${host}/${database}`;
}

function newPassword(): string {
  return randomBytes(18).toString('base64url');
}
