import { Command } from 'commander';
import { shellWord } from '../../base/shell.ts';
import { AppError } from '../../base/errors.ts';
import { createLog } from '../../base/log.ts';
import { withSuperuser } from '../../postgres/connect.ts';
import { adoptModel, preview, previewText } from '../../site/adopt/adopt.ts';
import type { RowSource } from '../../site/adopt/adopt.ts';
import type { AdoptPlan } from '../../site/adopt/adopt-plan.ts';
import { readConfig } from '../../site/config/config.ts';
import { siteFolder } from '../../site/config/folder.ts';
import { installedModels } from '../models.ts';
import { sayWhenInterrupted } from '../interruption.ts';
import { addLockingOptions, adminUrlOf, lockingOf } from '../locking.ts';
import type { LockingOptions } from '../locking.ts';
import { dirOption } from '../options.ts';

interface Options extends LockingOptions {
  dir: string;
  from?: string;
  first: boolean;
  keepRows: boolean;
  dryRun: boolean;
}

/** `syncline adopt MODEL`: gives a site a model, or a later revision of one. */
export function adoptCommand(): Command {
  const command = new Command('adopt')
    .description(
      'give this site a model whose tables are in use, or a later revision of one; services go on (docs/operating/adopt.md)',
    )
    .argument('<model>', 'a shipped model, a YANG file, or a compiled model')
    .addOption(dirOption())
    .option('--from <site>', 'take the rows from this member, which has the model')
    .option('--first', 'no other site has it: ask none', false)
    .option('--keep-rows', 'keep the rows that are here, though others have the model', false)
    .option('--dry-run', 'print the SQL and change nothing', false);
  return addLockingOptions(command).action(async (name: string, options: Options) => {
    const config = readConfig(options.dir);
    const model = installedModels([name])[0]!;
    const adminUrl = adminUrlOf(config, options);
    const locking = lockingOf(command, options);
    if (options.dryRun) {
      await withSuperuser(adminUrl, 'syncline adopt', async (client) => {
        const plan = await preview(client, config, model);
        console.log(notesText(plan) + previewText(plan, { site: config, locking }));
      });
      return;
    }
    sayWhenInterrupted('The model was not adopted, unless all was just done: run it again');
    const log = createLog(config.log.level, siteFolder(options.dir).log);
    const source = sourceOf(options);
    const { plan, rows } = await adoptModel({
      ...{ root: options.dir, model, source, adminUrl, locking, log },
    });
    console.log(notesText(plan) + resultText(plan, { options, rows }));
  });
}

/** @throws AppError OPTION_INVALID when more than one is said */
function sourceOf({ from, first, keepRows }: Options): RowSource {
  if ([from !== undefined, first, keepRows].filter(Boolean).length > 1) {
    throw new AppError('OPTION_INVALID', '--from, --first and --keep-rows exclude each other', {
      hint: 'See syncline adopt --help',
    });
  }
  if (from !== undefined) return { kind: 'from', site: from };
  return { kind: first ? 'first' : keepRows ? 'keep' : 'ask' };
}

function notesText(plan: AdoptPlan): string {
  return plan.notes.map((note) => `-- ${note}\n`).join('');
}

function resultText(
  plan: AdoptPlan,
  { options, rows }: { options: Options; rows: number },
): string {
  const { name, revision } = plan.model.ir;
  const from = options.from === undefined ? '' : `, with ${rows} rows of site "${options.from}"`;
  const next = options.keepRows
    ? '\n  bring the rows together   syncline verify --repair (when the agents are up)'
    : '';
  return `This site has "${name}" ${revision} now${from}.

  start the agent           syncline up --dir ${shellWord(options.dir)}${next}
  at each other site        syncline adopt … --from ${readConfig(options.dir).site}`;
}
