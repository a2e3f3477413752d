import { Command } from 'commander';
import { withConnection } from '../../postgres/connect.ts';
import { readMembers } from '../../site/database/catalog.ts';
import type { Member } from '../../site/database/catalog.ts';
import { certificateEnds } from '../../site/config/certificates.ts';
import { readConfig } from '../../site/config/config.ts';
import { readIdentity } from '../../site/create/group.ts';
import { renewSite } from '../../site/create/renewal.ts';
import { dirOption, jsonOption } from '../options.ts';
import { formatTable } from '../table.ts';

interface Options {
  dir: string;
  json: boolean;
  renew: boolean;
}

/** `syncline certificate`: until when the certificates in the site's folder are good, and new ones. */
export function certificateCommand(): Command {
  return new Command('certificate')
    .description('show when the certificates of this site and of the group end, or renew them')
    .addOption(dirOption())
    .addOption(jsonOption())
    .option(
      '--renew',
      'make new ones, for the same keys, by a member that has the group’s key',
      false,
    )
    .action(async (options: Options) => {
      const { dir, json, renew } = options;
      const by = renew ? await renewed(dir) : undefined;
      const ends = certificateEnds(readIdentity(dir));
      if (json) return console.log(JSON.stringify(ends));
      const { site, authority } = ends;
      const rows = [
        ['site', site.until, site.days],
        ['group', authority.until, authority.days],
      ];
      console.log(formatTable(['certificate', 'ends', 'days'], rows));
      if (by !== undefined) {
        console.log(`\nMade ${by}. An agent that runs takes them by itself, within seconds.`);
      }
    });
}

/** @returns by whom */
async function renewed(dir: string): Promise<string> {
  const { site: name, group, database } = readConfig(dir);
  const members = (): Promise<Member[]> =>
    withConnection(database.url, 'syncline certificate', (client) => readMembers(client));
  const by = await renewSite(dir, { group, name }, members);
  return by === undefined ? 'with the key of the group here' : `by ${by}`;
}
