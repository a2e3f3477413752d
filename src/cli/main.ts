#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { describeError } from '../base/errors.ts';
import { conflictsCommand } from './commands/conflicts.ts';
import { digestCommand } from './commands/digest.ts';
import { downCommand } from './commands/down.ts';
import { initCommand } from './commands/init.ts';
import { inviteCommand } from './commands/invite.ts';
import { joinCommand } from './commands/join.ts';
import { sqlCommand } from './commands/sql.ts';
import { statusCommand } from './commands/status.ts';
import { upCommand } from './commands/up.ts';
import { packageRoot } from './package-root.ts';

const { version } = JSON.parse(readFileSync(packageRoot('package.json'), 'utf8')) as {
  version: string;
};

const program = new Command('syncline')
  .description('One replication and backup system for network services')
  .version(version)
  .showHelpAfterError('(see --help)');
for (const command of [
  ...[initCommand(), inviteCommand(), joinCommand(), upCommand(), downCommand()],
  ...[statusCommand(), conflictsCommand(), digestCommand(), sqlCommand()],
]) {
  program.addCommand(command);
}

try {
  await program.parseAsync();
} catch (error) {
  console.error(`syncline: ${describeError(error)}`);
  process.exitCode = 1;
}
