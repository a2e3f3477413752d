import { Command, Option } from 'commander';
import { AppError } from '../../base/errors.ts';
import { withConnection } from '../../postgres/connect.ts';
import { readConfig } from '../../site/config/config.ts';
import { settleConflict } from '../../site/upkeep/settle.ts';
import type { Keep } from '../../site/upkeep/settle.ts';
import { dirOption, wholeNumber } from '../options.ts';

interface Options {
  dir: string;
  keep: string;
}

/** `syncline conflicts resolve ID --keep local|remote|VALUES`: an operator decides. */
export function resolveCommand(): Command {
  return new Command('resolve')
    .description('settle a conflict; what it writes replicates like any other write')
    .argument('<id>', 'identifier of the conflict', wholeNumber(1, Number.MAX_SAFE_INTEGER))
    .addOption(dirOption())
    .addOption(
      new Option(
        '--keep <choice>',
        'local (the row as it is now), remote (the other image), or values as JSON: {"ttl": 60}',
      ).makeOptionMandatory(),
    )
    .action(async (id: number, options: Options, command: Command) => {
      const keep = keepOf(options.keep);
      const { dir } = command.optsWithGlobals<Options>();
      await withConnection(readConfig(dir).database.url, 'syncline conflicts', (client) =>
        settleConflict(client, id, keep),
      );
      console.log(`conflict ${id} is settled`);
    });
}

function keepOf(choice: string): Keep {
  if (choice === 'local' || choice === 'remote') return { image: choice };
  try {
    const values = JSON.parse(choice) as unknown;
    if (typeof values === 'object' && values !== null && !Array.isArray(values)) {
      return { values: values as Record<string, unknown> };
    }
  } catch {
    // Reported below with what it may be.
  }
  throw new AppError('OPTION_INVALID', `--keep cannot be "${choice}"`, {
    hint: 'local, remote, or a JSON object with columns and values',
  });
}
