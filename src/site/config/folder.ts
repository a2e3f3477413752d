import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { replaceFile } from '../../base/replace-file.ts';
import { serverLogOf } from '../../postgres/cluster.ts';
import { AppError } from '../../base/errors.ts';

/** Permissions: the owner's only. */
const SECRET = 0o600;

/** Where the parts of a site are, below the folder that `syncline init` or `syncline join` made. */
export interface SiteFolder {
  root: string;
  /** The configuration, `syncline.yaml`. It has passwords: mode 0600. */
  config: string;
  /** Certificate of the group's authority; its key is at the site that began the group only. */
  authority: string;
  authorityKey: string;
  certificate: string;
  key: string;
  journal: string;
  log: string;
}

/** The paths of the site in `root`. */
export function siteFolder(root: string): SiteFolder {
  const at = (...parts: string[]): string => join(resolve(root), ...parts);
  return {
    root: resolve(root),
    config: at('syncline.yaml'),
    authority: at('tls', 'group.pem'),
    authorityKey: at('tls', 'group.key'),
    certificate: at('tls', 'site.pem'),
    key: at('tls', 'site.key'),
    journal: at('journal'),
    log: at('agent.log'),
  };
}

/** Logs that are written while a site's agent runs. @param embedded data folder of the site's own server */
export function siteLogs(root: string, embedded: string | undefined): string[] {
  return [siteFolder(root).log, ...(embedded === undefined ? [] : [serverLogOf(embedded)])];
}

/** Writes a file that only its owner may read, making its folder. */
export function writeSecret(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  writeFileSync(path, text, { mode: SECRET });
}

/** Writes such a file in place of the one that is there. */
export function replaceSecret(path: string, text: string): void {
  replaceFile(path, text, { mode: SECRET });
}

/** Whether a file system, or a socket, says that this user may not. */
export function isRefused(error: unknown): boolean {
  return ['EACCES', 'EPERM'].includes(String((error as { code?: unknown }).code));
}

/** The error FOLDER_REFUSED: the site is another user's. */
export function folderRefused(root: string, cause: unknown): AppError {
  return new AppError('FOLDER_REFUSED', `The site in "${root}" is another user's`, {
    hint: 'Run the command as the user who made the site (sudo -u USER syncline …)',
    cause,
  });
}
