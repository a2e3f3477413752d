import { Command } from 'commander';
import { shellWord } from '../../base/shell.ts';
import { LAYOUT } from '../../sql/ddl/catalog-ddl.ts';
import { readConfig } from '../../site/config/config.ts';
import { requireDown } from '../../site/agent/control.ts';
import { refreshSite } from '../../site/database/layout.ts';
import { sayWhenInterrupted } from '../interruption.ts';
import { addLockingOptions, adminUrlOf, lockingOf } from '../locking.ts';
import type { LockingOptions } from '../locking.ts';
import { dirOption } from '../options.ts';

interface Options extends LockingOptions {
  dir: string;
}

/** `syncline upgrade`: makes the site's database what this build of Syncline works with. */
export function upgradeCommand(): Command {
  return addLockingOptions(
    new Command('upgrade')
      .description(
        "bring this site's database up to date with this build; services go on (docs/operating/upgrade.md)",
      )
      .addOption(dirOption()),
  ).action(async (options: Options, command: Command) => {
    const config = readConfig(options.dir);
    const adminUrl = adminUrlOf(config, options);
    const locking = lockingOf(command, options);
    await requireDown(options.dir);
    sayWhenInterrupted('The database is as it was, unless all was just done: run it again');
    const before = await refreshSite(config, { adminUrl, locking, always: true });
    console.log(
      before === LAYOUT
        ? `The database has layout ${LAYOUT} already; triggers, publication and rights were made again`
        : `The database had layout ${before} and has ${LAYOUT} now. Start the agent: syncline up --dir ${shellWord(options.dir)}`,
    );
  });
}
