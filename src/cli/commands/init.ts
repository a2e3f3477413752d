import { Command } from 'commander';
import { shellWord } from '../../base/shell.ts';
import { initSite } from '../../site/create/init.ts';
import { installedModels } from '../models.ts';
import { makeIn, withPlace } from './place.ts';
import type { PlaceOptions } from './place.ts';

interface Options extends PlaceOptions {
  site: string;
  group: string;
  model: string[];
}

/** `syncline init`: the first site of a group. */
export function initCommand(): Command {
  const command = new Command('init')
    .description('make the first site of a group: database, roles, tables, certificates')
    .requiredOption('--site <name>', 'name of the site')
    .option('--group <name>', 'name of the group', 'main')
    .requiredOption(
      '--model <model...>',
      'what is replicated: a shipped model (dns, dhcp, …) or a YANG file; may be repeated',
    );
  return withPlace(command).action(async (options: Options) => {
    const models = installedModels(options.model);
    const config = await makeIn(options, options.site, (place) =>
      initSite({ ...place, ...options, models }),
    );
    console.log(`Site "${config.site}" (number ${config.number}) of group "${config.group}" is made.

  start it           syncline up --dir ${shellWord(options.dir)}
  invite another     syncline invite NAME --dir ${shellWord(options.dir)} > NAME.invitation
  for the service    ${config.database.serviceUrl}`);
  });
}
