/** Options of the commands that change tables in use. */
import type { Command } from 'commander';
import { AppError } from '../base/errors.ts';
import type { LockPolicy } from '../site/database/adoption.ts';
import type { SiteConfig } from '../site/config/config.ts';
import { parseDuration } from '../site/config/units.ts';
import { databaseOption, wholeNumber } from './options.ts';

/** To PostgreSQL 0 means to wait for ever, and services with it. */
const LOCK_TIMEOUT = { least: '1ms', greatest: '1h' };

export interface LockingOptions {
  database?: string;
  lockTimeout: string;
  attempts: number;
}

/** `--database`, `--lock-timeout` and `--attempts`. */
export function addLockingOptions(command: Command): Command {
  return command
    .addOption(databaseOption('superuser of the site’s database; the embedded server’s is known'))
    .option('--lock-timeout <time>', 'longest time to queue for a table’s lock', '500ms')
    .option('--attempts <number>', 'how often to try for the locks', wholeNumber(1, 1000), 40);
}

/** @throws AppError OPTION_INVALID */
export function lockingOf(command: Command, options: LockingOptions): LockPolicy {
  try {
    const timeoutMs = parseDuration('--lock-timeout', options.lockTimeout, LOCK_TIMEOUT);
    return { timeoutMs, attempts: options.attempts };
  } catch (error) {
    throw new AppError('OPTION_INVALID', (error as Error).message, {
      hint: `See syncline ${command.name()} --help`,
      cause: error,
    });
  }
}

/** @throws AppError OPTION_INVALID when no superuser is known */
export function adminUrlOf(config: SiteConfig, options: LockingOptions): string {
  const adminUrl = options.database ?? config.database.adminUrl;
  if (adminUrl !== undefined) return adminUrl;
  throw new AppError('OPTION_INVALID', 'The superuser of this site’s database is not known', {
    hint: 'Name one: --database postgresql://postgres@HOST/DATABASE',
  });
}
