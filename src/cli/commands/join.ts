import { Command } from 'commander';
import { shellWord } from '../../base/shell.ts';
import { readInvitation } from '../../site/create/group.ts';
import { joinSite } from '../../site/create/join.ts';
import { formatBytes } from '../../site/config/units.ts';
import { makeIn, withPlace } from './place.ts';
import type { PlaceOptions } from './place.ts';

/** `syncline join FILE`: a further site of a group, with a copy of all data. */
export function joinCommand(): Command {
  const command = new Command('join')
    .description('make a further site of a group from an invitation, with a copy of all data')
    .argument('<invitation>', 'file that syncline invite printed');
  return withPlace(command).action(async (file: string, options: PlaceOptions) => {
    const invitation = readInvitation(file);
    const { config, rows, bytes } = await makeIn(options, invitation.site, (place) =>
      joinSite(place, invitation),
    );
    console.log(`Site "${config.site}" (number ${config.number}) has joined group "${config.group}" with ${rows} rows (${formatBytes(bytes)}).

  start it           syncline up --dir ${shellWord(options.dir)}
  for the service    ${config.database.serviceUrl}`);
  });
}
