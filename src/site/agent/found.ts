import type { Client } from 'pg';
import { AppError } from '../../base/errors.ts';
import { hasLeft, readMembers, readModels, readProgress } from '../database/catalog.ts';
import type { InstalledModel, SiteRecord } from '../database/catalog.ts';
import type { SiteConfig } from '../config/config.ts';
import { readLayout, readOwnSite, requireLayout } from '../database/layout.ts';
import { requireTriggers } from '../database/session-check.ts';

/** What the agent found when it started. */
export interface Found {
  site: SiteRecord;
  models: InstalledModel[];
  progress: Map<number, bigint>;
  serverVersion: string;
}

/**
 * Looks at the site's database before the agent starts.
 *
 * @throws AppError DATABASE_STANDBY, SITE_OTHER, SITE_LEFT, SITE_OUTDATED, SITE_NEWER, SESSIONS_REPLICA, and those
 * of the catalogue
 */
export async function look(client: Client, config: SiteConfig): Promise<Found> {
  await requirePrimary(client);
  const site = await readOwnSite(client, config, 'Correct database.url in syncline.yaml');
  if (hasLeft(await readMembers(client), site.name)) {
    throw new AppError('SITE_LEFT', `Site "${site.name}" has left the group`, {
      hint:
        'Its database serves on by itself. What is left of replication in it: syncline leave, again. To come back ' +
        'join under another name, in another folder, with another database: syncline invite NAME at a member',
    });
  }
  requireLayout(await readLayout(client));
  await requireTriggers(client);
  const { rows } = await client.query<{ server_version: string }>('SHOW server_version');
  return {
    site,
    models: await readModels(client),
    progress: await readProgress(client),
    serverVersion: rows[0]!.server_version,
  };
}

async function requirePrimary(client: Client): Promise<void> {
  const { rows } = await client.query<{ standby: boolean }>(
    'SELECT pg_is_in_recovery() AS standby',
  );
  if (!rows[0]!.standby) return;
  throw new AppError('DATABASE_STANDBY', 'The server of the database is in recovery: a standby', {
    hint: 'Correct database.url in syncline.yaml, or promote the server',
    retry: 'later',
  });
}
