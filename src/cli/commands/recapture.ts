import { Command } from 'commander';
import { shellWord } from '../../base/shell.ts';
import { formatLsn } from '../../postgres/lsn.ts';
import { readConfig } from '../../site/config/config.ts';
import { requireDown } from '../../site/agent/control.ts';
import { embeddedCluster } from '../../site/database/embedded.ts';
import { recapture } from '../../site/agent/recapture.ts';
import { dirOption } from '../options.ts';

/** `syncline recapture`: the site goes on although its slot or its journal was lost. */
export function recaptureCommand(): Command {
  return new Command('recapture')
    .description(
      'go on where the replication slot or the journal was lost; what was not captured is then found by verify ' +
        '(docs/operating/recover.md)',
    )
    .addOption(dirOption())
    .action(async ({ dir }: { dir: string }) => {
      const config = readConfig(dir);
      await requireDown(dir);
      await embeddedCluster(config)?.start();
      const { from, to, gap } = await recapture(dir, config);
      const lines = gap
        ? [
            `Capture goes on at ${formatLsn(to)}. The journal has what this site wrote up to ${formatLsn(from)}: what it`,
            'wrote in between is in its tables, and at no other site for certain. Have the sites compared and mended:',
            `  syncline up --detach --dir ${shellWord(dir)}`,
            `  syncline verify --repair --dir ${shellWord(dir)}`,
          ]
        : [
            `The slot begins at ${formatLsn(to)}, where the journal ends: nothing is missing, nothing was done.`,
          ];
      console.log(lines.join('\n'));
    });
}
