#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { describeError } from '../base/errors.ts';
import { connect } from '../postgres/connect.ts';
import { readConfig } from '../site/config.ts';
import { adoptCommand } from './commands/adopt.ts';
import { conflictsCommand } from './commands/conflicts.ts';
import { digestCommand } from './commands/digest.ts';
import { downCommand } from './commands/down.ts';
import { exportCommand, importCommand } from './commands/import.ts';
import type { ConnectService } from './commands/import.ts';
import { initCommand } from './commands/init.ts';
import { inviteCommand } from './commands/invite.ts';
import { joinCommand } from './commands/join.ts';
import { modelCommand } from './commands/model.ts';
import { sqlCommand } from './commands/sql.ts';
import { statusCommand } from './commands/status.ts';
import { upCommand } from './commands/up.ts';
import { verifyCommand } from './commands/verify.ts';
import { dirOption } from './options.ts';
import { packageRoot } from './package-root.ts';

const { version } = JSON.parse(readFileSync(packageRoot('package.json'), 'utf8')) as {
  version: string;
};

/** A session as the service of the site in `--dir`. */
const connectService: ConnectService = (options) =>
  connect(readConfig(String(options['dir'])).database.serviceUrl, 'syncline import');

/** The site is named with the command that works on it: `syncline import zone FILE --dir FOLDER`. */
function withSite(command: Command): Command {
  for (const part of command.commands) part.addOption(dirOption());
  return command;
}

const program = new Command('syncline')
  .description('One replication and backup system for network services')
  .version(version)
  .showHelpAfterError('(see --help)');
for (const command of [
  ...[initCommand(), inviteCommand(), joinCommand()],
  ...[adoptCommand(), upCommand(), downCommand()],
  ...[statusCommand(), conflictsCommand(), digestCommand(), verifyCommand(), sqlCommand()],
  ...[withSite(importCommand(connectService)), withSite(exportCommand(connectService))],
  modelCommand(),
]) {
  program.addCommand(command);
}

// A reader that has seen enough (`| head`) closes the pipe: nothing is wrong then, and nothing is left to do.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(0);
});

try {
  await program.parseAsync();
} catch (error) {
  console.error(`syncline: ${describeError(error)}`);
  process.exitCode = 1;
}
