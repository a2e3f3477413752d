#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { describeError } from '../base/errors.ts';
import { loadCommands } from './commands.ts';
import { requireValues } from './options.ts';
import { packageRoot } from './package-root.ts';
import { visible } from './visible.ts';

const { version } = JSON.parse(readFileSync(packageRoot('package.json'), 'utf8')) as {
  version: string;
};

const program = new Command('syncline')
  .description('One replication and backup system for network services')
  .version(version)
  .showHelpAfterError('(see syncline --help)');
for (const command of await loadCommands(process.argv[2])) {
  program.addCommand(command);
  explainMistakes(command, `syncline ${command.name()}`);
}

/** What is wrong with a command's options is said with where they are listed. */
function explainMistakes(command: Command, path: string): void {
  command.showHelpAfterError(`(see ${path} --help)`);
  requireValues(command);
  for (const part of command.commands) explainMistakes(part, `${path} ${part.name()}`);
}

// A reader that has seen enough (`| head`) closes the pipe: nothing is wrong then, and nothing is left to do.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(0);
});

try {
  await program.parseAsync();
} catch (error) {
  console.error(`syncline: ${visible(describeError(error))}`);
  process.exitCode = 1;
}
