import { Command, Option } from 'commander';
import { AppError } from '../../base/errors.ts';
import { withConnection } from '../../postgres/connect.ts';
import { parseRetention, readConfig } from '../../site/config/config.ts';
import { pruneConflicts } from '../../site/upkeep/retention.ts';
import { dirOption } from '../options.ts';

interface Options {
  dir: string;
  olderThan: string;
}

/** `syncline conflicts prune --older-than TIME`: deletes records of conflicts that are settled. */
export function pruneCommand(): Command {
  return new Command('prune')
    .description('delete the records of settled conflicts; parked ones stay')
    .addOption(dirOption())
    .addOption(
      new Option(
        '--older-than <time>',
        'of conflicts that were found longer ago than this, such as 90d',
      ).makeOptionMandatory(),
    )
    .action(async ({ olderThan }: Options, command: Command) => {
      const { dir } = command.optsWithGlobals<Options>();
      const keepMs = ageOf(olderThan);
      const count = await withConnection(
        readConfig(dir).database.url,
        'syncline conflicts',
        (client) => pruneConflicts(client, keepMs),
      );
      console.log(`records of settled conflicts that were deleted: ${count}`);
    });
}

function ageOf(text: string): number {
  try {
    return parseRetention('--older-than', text);
  } catch (error) {
    throw new AppError('OPTION_INVALID', (error as Error).message, { hint: 'For example 90d' });
  }
}
