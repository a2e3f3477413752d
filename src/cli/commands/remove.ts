import { Command } from 'commander';
import { readConfig } from '../../site/config/config.ts';
import { askAgent } from '../../site/agent/control.ts';
import type { RemoveReport } from '../../site/members/remove.ts';
import { dirOption } from '../options.ts';

/** Two greetings of members of which some do not answer. */
const REMOVE_LIMIT_MS = 60_000;

/** `syncline remove SITE`: takes a member that is gone for good out of the group. */
export function removeCommand(): Command {
  return new Command('remove')
    .description(
      'take a site that is gone for good out of the group; what the others have of it counts (docs/operating/group.md)',
    )
    .argument('<site>', 'name of the member')
    .addOption(dirOption())
    .action(async (site: string, { dir }: { dir: string }) => {
      const { group } = readConfig(dir);
      const asked = { argument: site, limitMs: REMOVE_LIMIT_MS };
      const { told, silent } = (await askAgent(dir, 'remove', asked)) as RemoveReport;
      const lines = [
        `Site "${site}" is no member of group "${group}" any more${told.length > 0 ? `; told were ${told.join(', ')}` : ''}.`,
        ...(silent.length > 0 ? [`Not reached, told when they are up: ${silent.join(', ')}.`] : []),
        'What any member has of it reaches all of them. If it comes back it is refused.',
      ];
      console.log(lines.join('\n'));
    });
}
