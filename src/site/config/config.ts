import { existsSync, readFileSync, statSync } from 'node:fs';
import { stringify } from 'yaml';
import { AppError } from '../../base/errors.ts';
import { formatAddress, parseAddress, parseReachable } from './address.ts';
import { commands, databaseUrl, integer, optional, text, webhook } from './config-values.ts';
import { folderRefused, isRefused, siteFolder, writeSecret } from './folder.ts';
import { parseBytes, parseDuration } from './units.ts';
import { isMapping, readYaml } from './yaml.ts';

/** A site's configuration, checked and without optional parts (`syncline.yaml`; docs/operating/config.md). */
export interface SiteConfig {
  /** Name in the group: lower-case letters, digits and hyphens. */
  site: string;
  /** Number in the group, 1..2047; the low bits of every stamp that this site makes. */
  number: number;
  group: string;
  database: {
    /** Connection string of the agent's role. */
    url: string;
    /** Connection string of the role for services: reads and writes the models' tables, nothing else. */
    serviceUrl: string;
    /** Connection string of the superuser: known for the embedded server only. */
    adminUrl: string | undefined;
    /** Data folder of the embedded server; undefined when the server is somebody else's. */
    embedded: string | undefined;
  };
  link: {
    host: string;
    port: number;
    /** Where the other sites reach this one, `host:port`. */
    address: string;
  };
  journal: { quotaBytes: number };
  clock: { maxDriftMs: number };
  /** How long records of settled conflicts are kept; undefined: as long as there are not too many. */
  conflicts: { keepMs: number | undefined };
  /** Where conflicts are POSTed to; undefined: nowhere. */
  notify: { webhook: string | undefined };
  /** Program and arguments that run after rows of an entity were applied, by entity. */
  afterApply: Readonly<Record<string, readonly string[]>>;
  log: { level: LogLevel };
}

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export const DEFAULT_QUOTA = '10GiB';
export const DEFAULT_DRIFT = '10s';
/** A journal that does not hold one batch of capture (256 KiB) is always full. */
const LEAST_QUOTA = '256KiB';
/** Stamps are of some decades: what is further ahead is no clock. */
const GREATEST_DRIFT = '100000h';

/** Who looks at a conflict needs some time, and the greatest one is not beyond what PostgreSQL can subtract. */
const RETENTION = { least: '1h', greatest: '36500d' };

const SITE_NAME = /^[a-z][a-z0-9-]{0,30}$/;
const NAME_HINT =
  'Lower-case letters, digits and hyphens, beginning with a letter, at most 31 characters';
export const MAX_SITE_NUMBER = 2047;

/**
 * Reads the configuration of the site in a folder.
 *
 * @throws AppError SITE_MISSING when there is none; CONFIG_INVALID with the option and what it may be
 */
export function readConfig(root: string): SiteConfig {
  const { config } = siteFolder(root);
  if (!existsSync(config)) throw siteMissing(root);
  try {
    return resolveConfig(readYaml(readFileSync(config, 'utf8')));
  } catch (error) {
    throw isRefused(error) ? folderRefused(root, error) : invalid(config, error as Error);
  }
}

/** The error SITE_MISSING: there is no site in a folder; or FOLDER_REFUSED, where this user may not look whether there is. */
export function siteMissing(root: string): AppError {
  try {
    statSync(siteFolder(root).config);
  } catch (error) {
    if (isRefused(error)) return folderRefused(root, error);
  }
  return new AppError('SITE_MISSING', `There is no site in "${root}"`, {
    hint: 'Make one (syncline init or syncline join), or name its folder: --dir FOLDER',
  });
}

/** Writes it, for the site's owner only. */
export function writeConfig(root: string, config: SiteConfig): void {
  const text = stringify({
    site: config.site,
    number: config.number,
    group: config.group,
    database: {
      url: config.database.url,
      'service-url': config.database.serviceUrl,
      'admin-url': config.database.adminUrl,
      embedded: config.database.embedded,
    },
    link: config.link,
    journal: { quota: `${config.journal.quotaBytes}B` },
    clock: { 'max-drift': `${config.clock.maxDriftMs}ms` },
    ...(config.conflicts.keepMs === undefined
      ? {}
      : { conflicts: { keep: `${config.conflicts.keepMs}ms` } }),
    notify: config.notify,
    ...(Object.keys(config.afterApply).length === 0 ? {} : { 'after-apply': config.afterApply }),
    log: config.log,
  });
  writeSecret(
    siteFolder(root).config,
    `# Syncline site. Options: docs/operating/config.md\n${text}`,
  );
}

/** Whether it can be a site's name. */
export function isSiteName(value: unknown): value is string {
  return typeof value === 'string' && SITE_NAME.test(value);
}

/** Whether it can be a site's number. */
export function isSiteNumber(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 1 && (value as number) <= MAX_SITE_NUMBER;
}

/** @throws AppError SITE_NAME */
export function checkSiteName(name: string): string {
  return checkName(name, 'site');
}

/** A group's name stands in names of slots, as that of a site does. @throws AppError GROUP_NAME */
export function checkGroupName(name: string): string {
  return checkName(name, 'group');
}

function checkName(name: string, of: 'site' | 'group'): string {
  if (SITE_NAME.test(name)) return name;
  const code = of === 'site' ? 'SITE_NAME' : 'GROUP_NAME';
  throw new AppError(code, `"${name}" is not a name of a ${of}`, { hint: NAME_HINT });
}

/** @throws Error unless it is a size that a journal can have. @param what named in the error */
export function parseQuota(what: string, text: string): number {
  return parseBytes(what, text, { least: LEAST_QUOTA });
}

/** @throws Error unless it is a time by which a clock may be ahead. @param what named in the error */
export function parseDrift(what: string, text: string): number {
  return parseDuration(what, text, { greatest: GREATEST_DRIFT });
}

/** @throws Error unless it is a time for which records of conflicts can be kept. @param what named in the error */
export function parseRetention(what: string, text: string): number {
  return parseDuration(what, text, RETENTION);
}

type Raw = Record<string, unknown>;

function resolveConfig(raw: Raw): SiteConfig {
  known(raw, '', [
    'site',
    'number',
    'group',
    'database',
    'link',
    'journal',
    'clock',
    'conflicts',
    'notify',
    'after-apply',
    'log',
  ]);
  const part = (name: string, options: string[]): Raw => {
    const value = raw[name] ?? {};
    if (!isMapping(value)) throw new Error(`${name} must be a mapping`);
    known(value, `${name}.`, options);
    return value;
  };
  const database = part('database', ['url', 'service-url', 'admin-url', 'embedded']);
  const link = part('link', ['host', 'port', 'address']);
  const quota = optional(part('journal', ['quota'])['quota'], 'journal.quota') ?? DEFAULT_QUOTA;
  const drift =
    optional(part('clock', ['max-drift'])['max-drift'], 'clock.max-drift') ?? DEFAULT_DRIFT;
  const url = databaseUrl(text(database, 'database.url', 'url'), 'database.url');
  return {
    site: checkSiteName(text(raw, 'site')),
    number: integer(raw['number'], 'number', 1, MAX_SITE_NUMBER),
    group: checkGroupName(text(raw, 'group')),
    database: {
      url,
      serviceUrl: databaseUrl(database['service-url'], 'database.service-url') ?? url,
      adminUrl: databaseUrl(database['admin-url'], 'database.admin-url'),
      embedded: optional(database['embedded'], 'database.embedded'),
    },
    link: resolveLink(link),
    journal: { quotaBytes: parseQuota('journal.quota', quota) },
    clock: { maxDriftMs: parseDrift('clock.max-drift', drift) },
    conflicts: { keepMs: retention(part('conflicts', ['keep'])['keep']) },
    notify: { webhook: webhook(part('notify', ['webhook'])['webhook']) },
    afterApply: commands(raw['after-apply'] ?? {}),
    log: { level: level(part('log', ['level'])['level'] ?? 'info') },
  };
}

function retention(value: unknown): number | undefined {
  const keep = optional(value, 'conflicts.keep');
  return keep === undefined ? undefined : parseRetention('conflicts.keep', keep);
}

function resolveLink(link: Raw): SiteConfig['link'] {
  const host = optional(link['host'], 'link.host') ?? '127.0.0.1';
  const port = integer(link['port'], 'link.port', 1, 65535);
  const given = optional(link['address'], 'link.address');
  const address = given ?? formatAddress({ host, port });
  // What a person gives may lead here by ways that we do not know of.
  if (given === undefined) parseReachable('link.address', address);
  else parseAddress('link.address', address);
  return { host, port, address };
}

function known(raw: Raw, prefix: string, options: string[]): void {
  for (const name of Object.keys(raw)) {
    if (!options.includes(name)) {
      throw new Error(`unknown option ${prefix}${name}; known are ${options.join(', ')}`);
    }
  }
}

function level(value: unknown): LogLevel {
  const found = LOG_LEVELS.find((candidate) => candidate === value);
  if (found !== undefined) return found;
  throw new Error(`log.level must be one of ${LOG_LEVELS.join(', ')}`);
}

function invalid(file: string, error: Error): AppError {
  const hint = error instanceof AppError ? error.hint : undefined;
  return new AppError('CONFIG_INVALID', `${file}: ${error.message}`, {
    hint: hint ?? 'docs/operating/config.md lists all options',
    cause: error,
  });
}
