import type { Command } from 'commander';
import { connect } from '../postgres/connect.ts';
import { readConfig } from '../site/config/config.ts';
import type { ConnectService } from './commands/import.ts';
import { dirOption } from './options.ts';

/** A session as the service of the site in `--dir`. */
const connectService: ConnectService = (options) =>
  connect(readConfig(String(options['dir'])).database.serviceUrl, 'syncline import');

/** The site is named with the command that works on it: `syncline import zone FILE --dir FOLDER`. */
function withSite(command: Command): Command {
  for (const part of command.commands) part.addOption(dirOption());
  return command;
}

/**
 * The commands in the order of the help. Each is loaded when it is needed: all of them together, with the model
 * compiler, take longer to load than most commands to run.
 */
const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  init: async () => (await import('./commands/init.ts')).initCommand(),
  invite: async () => (await import('./commands/invite.ts')).inviteCommand(),
  join: async () => (await import('./commands/join.ts')).joinCommand(),
  leave: async () => (await import('./commands/leave.ts')).leaveCommand(),
  remove: async () => (await import('./commands/remove.ts')).removeCommand(),
  adopt: async () => (await import('./commands/adopt.ts')).adoptCommand(),
  upgrade: async () => (await import('./commands/upgrade.ts')).upgradeCommand(),
  recapture: async () => (await import('./commands/recapture.ts')).recaptureCommand(),
  certificate: async () => (await import('./commands/certificate.ts')).certificateCommand(),
  up: async () => (await import('./commands/up.ts')).upCommand(),
  down: async () => (await import('./commands/down.ts')).downCommand(),
  status: async () => (await import('./commands/status.ts')).statusCommand(),
  conflicts: async () => (await import('./commands/conflicts.ts')).conflictsCommand(),
  digest: async () => (await import('./commands/digest.ts')).digestCommand(),
  verify: async () => (await import('./commands/verify.ts')).verifyCommand(),
  sql: async () => (await import('./commands/sql.ts')).sqlCommand(),
  import: async () =>
    withSite((await import('./commands/import.ts')).importCommand(connectService)),
  export: async () =>
    withSite((await import('./commands/import.ts')).exportCommand(connectService)),
  model: async () => (await import('./commands/model.ts')).modelCommand(),
};

/** The command that the arguments begin with; all of them where they begin with something else. */
export async function loadCommands(first: string | undefined): Promise<Command[]> {
  const known = first !== undefined && Object.hasOwn(COMMANDS, first) ? [COMMANDS[first]!] : [];
  return Promise.all((known.length > 0 ? known : Object.values(COMMANDS)).map((load) => load()));
}
