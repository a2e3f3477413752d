import { fchmodSync, fstatSync } from 'node:fs';
import { Command } from 'commander';
import { AppError } from '../../base/errors.ts';
import { checkSiteName, MAX_SITE_NUMBER, readConfig } from '../../site/config/config.ts';
import { parseDuration } from '../../site/config/units.ts';
import { DEFAULT_LIFETIME, makeInvitation } from '../../site/create/group.ts';
import { reserveNumber } from '../../site/create/numbers.ts';
import { dirOption, wholeNumber } from '../options.ts';

interface Options {
  dir: string;
  number?: number;
  expires: string;
}

/** How long an invitation may be good. */
const LIFETIME = { least: '1min', greatest: '8760h' };

/** `syncline invite NAME`: prints what a new site needs to join. */
export function inviteCommand(): Command {
  return new Command('invite')
    .description('invite a site into the group; prints the invitation, which is a secret')
    .argument('<name>', 'name of the new site')
    .addOption(dirOption())
    .option(
      '--number <number>',
      'its number; the next free one by default',
      wholeNumber(1, MAX_SITE_NUMBER),
    )
    .option('--expires <time>', 'how long the invitation is good', DEFAULT_LIFETIME)
    .action(async (name: string, options: Options) => {
      const config = readConfig(options.dir);
      const site = checkSiteName(name);
      const via = { name: config.site, address: config.link.address };
      const lifetimeMs = lifetimeOf(options.expires);
      const wanted = { group: config.group, site, via, lifetimeMs };
      const invitation = await makeInvitation(options.dir, wanted, () =>
        reserveNumber(config.database.url, site, options.number),
      );
      keepSecret();
      console.log(JSON.stringify(invitation, null, 2));
    });
}

/** @throws AppError OPTION_INVALID */
function lifetimeOf(text: string): number {
  try {
    return parseDuration('--expires', text, LIFETIME);
  } catch (error) {
    throw new AppError('OPTION_INVALID', (error as Error).message, {
      hint: 'See syncline invite --help',
      cause: error,
    });
  }
}

/** A file that the invitation is redirected into is made readable by its owner only: a shell makes it for everybody. */
function keepSecret(): void {
  try {
    if (fstatSync(1).isFile()) fchmodSync(1, 0o600);
  } catch {
    // Somebody else's file: it is as he made it.
  }
}
