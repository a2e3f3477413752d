import { Option } from 'commander';
import type { Command } from 'commander';
import { AppError } from '../../base/errors.ts';
import { parseAddress, parseReachable } from '../../site/config/address.ts';
import { DEFAULT_DRIFT, DEFAULT_QUOTA, parseDrift, parseQuota } from '../../site/config/config.ts';
import type { SitePlace } from '../../site/create/create.ts';
import { interruptible } from '../interruption.ts';
import { databaseOption, dirOption, wholeNumber } from '../options.ts';

export interface PlaceOptions {
  dir: string;
  database?: string;
  databasePort: number;
  listen: string;
  address?: string;
  journalQuota: string;
  maxClockDrift: string;
}

/** Adds the options with which `init` and `join` say where a new site lives. */
export function withPlace(command: Command): Command {
  return command
    .addOption(dirOption())
    .addOption(
      databaseOption(
        'superuser of an existing server (PostgreSQL 15 or later); without it PostgreSQL 18 is set up in the folder',
      ),
    )
    .addOption(
      new Option('--database-port <port>', 'port of that PostgreSQL 18')
        .argParser(wholeNumber(1, 65535))
        .default(5480),
    )
    .option('--listen <host:port>', 'where the agent serves the other sites', '127.0.0.1:7480')
    .option('--address <host:port>', 'how the other sites reach it, if that differs from --listen')
    .option('--journal-quota <size>', 'most that the journal may hold', DEFAULT_QUOTA)
    .option('--max-clock-drift <time>', 'how far a site’s clock may be ahead', DEFAULT_DRIFT);
}

/**
 * Makes a site where the options say; Ctrl-C takes back what was made.
 *
 * @param site its name
 * @throws AppError OPTION_INVALID, INTERRUPTED, or what `make` throws
 */
export function makeIn<T>(
  options: PlaceOptions,
  site: string,
  make: (place: SitePlace) => Promise<T>,
): Promise<T> {
  const place = placeOf(options);
  const tell = (message: string): void => console.error(message);
  return interruptible(`Site "${site}" was not made`, (signal) => make({ ...place, signal, tell }));
}

function placeOf(options: PlaceOptions): SitePlace {
  try {
    const { host, port } = parseAddress('--listen', options.listen);
    const address = options.address ?? options.listen;
    parseReachable('--address', address);
    return {
      ...{ root: options.dir, database: options.database, databasePort: options.databasePort },
      link: { host, port, address },
      quotaBytes: parseQuota('--journal-quota', options.journalQuota),
      maxDriftMs: parseDrift('--max-clock-drift', options.maxClockDrift),
    };
  } catch (error) {
    throw new AppError('OPTION_INVALID', (error as Error).message, {
      hint: 'See syncline init --help, or syncline join --help',
      cause: error,
    });
  }
}
