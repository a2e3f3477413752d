import { existsSync, readFileSync } from 'node:fs';
import { parseDocument, stringify } from 'yaml';
import { AppError } from '../base/errors.ts';
import { parseAddress } from './address.ts';
import { siteFolder, writeSecret } from './folder.ts';
import { parseBytes, parseDuration } from './units.ts';

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

const SITE_NAME = /^[a-z][a-z0-9-]{0,30}$/;
export const MAX_SITE_NUMBER = 2047;

/**
 * Reads the configuration of the site in a folder.
 *
 * @throws AppError SITE_MISSING when there is none; CONFIG_INVALID with the option and what it may be
 */
export function readConfig(root: string): SiteConfig {
  const { config } = siteFolder(root);
  if (!existsSync(config)) {
    throw new AppError('SITE_MISSING', `There is no site in "${root}"`, {
      hint: 'Make one (syncline init or syncline join), or name its folder: --dir FOLDER',
    });
  }
  const document = parseDocument(readFileSync(config, 'utf8'));
  const [problem] = document.errors;
  if (problem !== undefined) throw invalid(config, problem.message);
  try {
    return resolveConfig(document.toJS() as Raw);
  } catch (error) {
    throw invalid(config, (error as Error).message);
  }
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
    notify: config.notify,
    ...(Object.keys(config.afterApply).length === 0 ? {} : { 'after-apply': config.afterApply }),
    log: config.log,
  });
  writeSecret(
    siteFolder(root).config,
    `# Syncline site. Options: docs/operating/config.md\n${text}`,
  );
}

/** @throws AppError SITE_NAME */
export function checkSiteName(name: string): string {
  if (SITE_NAME.test(name)) return name;
  throw new AppError('SITE_NAME', `"${name}" is not a name of a site`, {
    hint: 'Lower-case letters, digits and hyphens, beginning with a letter, at most 31 characters',
  });
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
    'notify',
    'after-apply',
    'log',
  ]);
  const part = (name: string, options: string[]): Raw => {
    const value = raw[name] ?? {};
    if (typeof value !== 'object') throw new Error(`${name} must be a mapping`);
    known(value as Raw, `${name}.`, options);
    return value as Raw;
  };
  const database = part('database', ['url', 'service-url', 'admin-url', 'embedded']);
  const link = part('link', ['host', 'port', 'address']);
  const quota = optional(part('journal', ['quota'])['quota'], 'journal.quota') ?? DEFAULT_QUOTA;
  const drift =
    optional(part('clock', ['max-drift'])['max-drift'], 'clock.max-drift') ?? DEFAULT_DRIFT;
  const url = text(database, 'database.url', 'url');
  return {
    site: checkSiteName(text(raw, 'site')),
    number: integer(raw['number'], 'number', 1, MAX_SITE_NUMBER),
    group: text(raw, 'group'),
    database: {
      url,
      serviceUrl: optional(database['service-url'], 'database.service-url') ?? url,
      adminUrl: optional(database['admin-url'], 'database.admin-url'),
      embedded: optional(database['embedded'], 'database.embedded'),
    },
    link: resolveLink(link),
    journal: { quotaBytes: parseBytes('journal.quota', quota) },
    clock: { maxDriftMs: parseDuration('clock.max-drift', drift) },
    notify: { webhook: webhook(part('notify', ['webhook'])['webhook']) },
    afterApply: commands(raw['after-apply'] ?? {}),
    log: { level: level(part('log', ['level'])['level'] ?? 'info') },
  };
}

function resolveLink(link: Raw): SiteConfig['link'] {
  const host = optional(link['host'], 'link.host') ?? '127.0.0.1';
  const port = integer(link['port'], 'link.port', 1, 65535);
  const address = optional(link['address'], 'link.address') ?? `${host}:${port}`;
  parseAddress('link.address', address);
  return { host, port, address };
}

function known(raw: Raw, prefix: string, options: string[]): void {
  for (const name of Object.keys(raw)) {
    if (!options.includes(name)) {
      throw new Error(`unknown option ${prefix}${name}; known are ${options.join(', ')}`);
    }
  }
}

function text(raw: Raw, path: string, name = path): string {
  const value = raw[name];
  if (typeof value === 'string' && value !== '') return value;
  throw new Error(`${path} must be a text`);
}

/** A scalar as text; YAML makes numbers of what looks like one. */
function optional(value: unknown, path: string): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'string' || typeof value === 'number') return String(value);
  throw new Error(`${path} must be a text`);
}

function integer(value: unknown, path: string, low: number, high: number): number {
  if (Number.isInteger(value) && (value as number) >= low && (value as number) <= high) {
    return value as number;
  }
  throw new Error(`${path} must be a whole number ${low}..${high}, not "${String(value)}"`);
}

function webhook(value: unknown): string | undefined {
  const url = optional(value, 'notify.webhook');
  if (url === undefined || /^https?:\/\/[^/]/.test(url)) return url;
  throw new Error(`notify.webhook must be an http or https URL, not "${url}"`);
}

function commands(value: unknown): Record<string, string[]> {
  const shape =
    'after-apply must be a mapping of entities to lists of texts: [program, argument, …]';
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error(shape);
  const found = Object.entries(value).map(([entity, argv]: [string, unknown]) => {
    if (!Array.isArray(argv) || argv.length === 0) throw new Error(shape);
    return [entity, argv.map((one) => optional(one, `after-apply.${entity}`) ?? '')] as const;
  });
  return Object.fromEntries(found);
}

function level(value: unknown): LogLevel {
  const found = LOG_LEVELS.find((candidate) => candidate === value);
  if (found !== undefined) return found;
  throw new Error(`log.level must be one of ${LOG_LEVELS.join(', ')}`);
}

function invalid(file: string, message: string): AppError {
  return new AppError('CONFIG_INVALID', `${file}: ${message}`, {
    hint: 'docs/operating/config.md lists all options',
  });
}
