import { existsSync, mkdirSync, rmSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Client } from 'pg';
import { AppError } from '../../base/errors.ts';
import { Undo } from '../../base/undo.ts';
import type { Identity } from '../../link/authority.ts';
import type { InstalledModel } from '../database/catalog.ts';
import { checkSiteName, writeConfig } from '../config/config.ts';
import type { SiteConfig } from '../config/config.ts';
import type { LockPolicy } from '../database/adoption.ts';
import { makeDatabase, makeServer } from './create-database.ts';
import { siteFolder, writeSecret } from '../config/folder.ts';
import type { SiteFolder } from '../config/folder.ts';

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
  /** The site is not wanted any more. */
  signal?: AbortSignal;
  /** Tells a person what is waited for, and what to know of tables that are adopted. */
  tell?: (message: string) => void;
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
 * anything fails, or the signal comes, what was made is removed again, and nothing else: a site is there whole or not at
 * all.
 *
 * @throws AppError SITE_EXISTS, FOLDER_UNWRITABLE, and those of `checkServer` and `provision`
 */
export async function createSite(options: NewSite): Promise<SiteConfig> {
  checkSiteName(options.site);
  const folder = siteFolder(options.root);
  refuseUsed(folder);
  const undo = new Undo();
  try {
    makeFolder(folder, undo);
    const server = await makeServer(options, undo);
    const database = await makeDatabase(options, server, undo);
    const config = configOf(options, database);
    writeFiles(options, { folder, config }, undo);
    return config;
  } catch (error) {
    await undo.run();
    throw error;
  }
}

function refuseUsed(folder: SiteFolder): void {
  if (existsSync(folder.config)) {
    throw new AppError('SITE_EXISTS', `There is a site in "${folder.root}"`, {
      hint: 'Start it with syncline up, or name another folder: --dir FOLDER',
    });
  }
  const left = [folder.key, folder.authorityKey].find((path) => existsSync(path));
  if (left === undefined) return;
  throw new AppError('SITE_EXISTS', `There is a key in "${left}", but no configuration beside it`, {
    hint: 'Put syncline.yaml back, or name another folder: --dir FOLDER',
  });
}

function makeFolder(folder: SiteFolder, undo: Undo): void {
  const existed = existsSync(folder.root);
  try {
    makeFolders(folder.root);
  } catch (error) {
    throw unwritable(folder, error);
  }
  if (!existed) undo.add(() => rmSync(folder.root, { recursive: true, force: true }));
}

/**
 * Where a file system says ENOENT of a folder that it does not let be made, as one of an automounter does, `mkdirSync`
 * with `recursive` of Node.js 20 tries for ever, and no signal ends it.
 */
function makeFolders(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) return;
  if (dirname(path) !== path) makeFolders(dirname(path));
  mkdirSync(path);
}

function writeFiles(
  { authority, authorityKey, identity, root }: NewSite,
  made: { folder: SiteFolder; config: SiteConfig },
  undo: Undo,
): void {
  const { folder, config } = made;
  const written = [folder.authority, folder.authorityKey, folder.certificate, folder.key];
  undo.add(() => written.forEach((path) => rmSync(path, { force: true })));
  undo.add(() => rmSync(folder.config, { force: true }));
  try {
    writeSecret(folder.authority, authority);
    writeSecret(folder.certificate, identity.certificate);
    writeSecret(folder.key, identity.key);
    if (authorityKey !== undefined) writeSecret(folder.authorityKey, authorityKey);
    writeConfig(root, config);
  } catch (error) {
    throw unwritable(folder, error);
  }
}

function unwritable(folder: SiteFolder, cause: unknown): AppError {
  const { message } = cause as Error;
  return new AppError('FOLDER_UNWRITABLE', `Cannot write in "${folder.root}": ${message}`, {
    hint: 'Name a folder that this user may write in: --dir FOLDER',
    cause,
  });
}

function configOf(options: NewSite, database: SiteConfig['database']): SiteConfig {
  return {
    ...{ site: options.site, number: options.number, group: options.group, link: options.link },
    database,
    journal: { quotaBytes: options.quotaBytes },
    clock: { maxDriftMs: options.maxDriftMs },
    conflicts: { keepMs: undefined },
    notify: { webhook: undefined },
    afterApply: {},
    log: { level: 'info' },
  };
}
