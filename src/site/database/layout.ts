import type { Client } from 'pg';
import { AppError } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import { ident } from '../../model/ir/names.ts';
import { withSuperuser } from '../../postgres/connect.ts';
import { runAll } from '../../postgres/transaction.ts';
import { catalogDdl, LAYOUT } from '../../sql/ddl/catalog-ddl.ts';
import {
  refreshObjectsDdl,
  refreshTablesDdl,
  replicatedEntities,
} from '../../sql/ddl/refresh-ddl.ts';
import { checkAdoptions, DEFAULT_LOCKING, withTableLocks } from './adoption.ts';
import type { LockPolicy } from './adoption.ts';
import { readModels, readSite } from './catalog.ts';
import type { SiteRecord } from './catalog.ts';
import type { SiteConfig } from '../config/config.ts';
import { readServer, roleNames } from './provision.ts';

export interface RefreshOptions {
  /** Connection string of a superuser of the site's database. */
  adminUrl: string;
  locking: LockPolicy;
  /** Also where the layout is this build's: what was changed by hand is put back. */
  always?: boolean;
}

/**
 * The site in a database.
 *
 * @param hint what to do when it is another one; without it, for a database that an operator named
 * @throws AppError SITE_OTHER when it is not the one that is configured, and that of `readSite`
 */
export async function readOwnSite(
  client: Client,
  config: SiteConfig,
  hint = 'Name the database of this site: --database DSN',
): Promise<SiteRecord> {
  const site = await readSite(client);
  if (site.name === config.site && site.number === config.number) return site;
  throw new AppError(
    'SITE_OTHER',
    `The database is that of site "${site.name}" (${site.number}), not of "${config.site}"`,
    { hint },
  );
}

/** The layout of a site's database (`LAYOUT`); 0 for those of builds that did not note it. */
export async function readLayout(client: Client): Promise<number> {
  const { rows } = await client.query<{ layout: number }>(
    `SELECT coalesce((to_jsonb(s) ->> 'layout')::integer, 0) AS layout FROM crp.site AS s`,
  );
  return rows[0]!.layout;
}

/** @throws AppError SITE_OUTDATED, SITE_NEWER */
export function requireLayout(found: number): void {
  if (found === LAYOUT) return;
  const what = `The site's database has layout ${found}, and this build of Syncline works with ${LAYOUT}`;
  if (found > LAYOUT) {
    throw new AppError('SITE_NEWER', what, {
      hint: 'Install the build that it was last used with',
    });
  }
  throw new AppError('SITE_OUTDATED', what, {
    hint: 'Bring it up to date, with a superuser of the database: syncline upgrade --database DSN',
  });
}

/**
 * Brings a site's database to this build's layout, in one transaction: catalogue, trigger functions, triggers,
 * publication, rights. Rows, stamps and journals stay as they are, and so do the models. The agent must not run; services go on,
 * but for a moment in which their tables are locked.
 *
 * @returns the layout that it had
 * @throws AppError SITE_OTHER, SITE_NEWER, DATABASE_RIGHTS, and those of `checkAdoptions` and `withTableLocks`
 */
export async function refreshSite(config: SiteConfig, options: RefreshOptions): Promise<number> {
  return withSuperuser(options.adminUrl, 'syncline upgrade', async (client) => {
    const site = await readOwnSite(client, config);
    const before = await readLayout(client);
    if (before > LAYOUT) requireLayout(before);
    if (before < LAYOUT || options.always === true) await refresh(client, site, options.locking);
    return before;
  });
}

/** The superuser of an embedded server is known: its site is brought up to date when its agent starts. */
export async function refreshEmbedded(config: SiteConfig, log: Log): Promise<void> {
  const { adminUrl } = config.database;
  if (adminUrl === undefined) return;
  const before = await refreshSite(config, { adminUrl, locking: DEFAULT_LOCKING });
  if (before < LAYOUT) log.info({ before, layout: LAYOUT }, 'database brought up to date');
}

async function refresh(client: Client, site: SiteRecord, policy: LockPolicy): Promise<void> {
  const serverMajor = await readServer(client);
  const roles = roleNames(site.name);
  const models = (await readModels(client)).map(({ ir }) => ir);
  const { tables } = await checkAdoptions(client, models, site.number);
  const entities = models.flatMap(replicatedEntities);
  await withTableLocks(client, { entities, policy }, async (lock) => {
    await runAll(client, [
      `ALTER ROLE ${ident(roles.agent)} LOGIN REPLICATION`,
      ...catalogDdl({ site, role: roles.agent }),
    ]);
    await runAll(client, refreshObjectsDdl(models, site.number));
    await lock();
    const context = { site: site.number, roles, tables, serverMajor };
    await runAll(client, refreshTablesDdl(models, context));
  });
}
