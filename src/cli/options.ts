import { InvalidArgumentError, Option } from 'commander';
import type { Command } from 'commander';
import { checkDatabaseUrl } from '../postgres/database-url.ts';

export const DEFAULT_DIR = '.syncline';

/** `--dir`, or the environment variable SYNCLINE_DIR: the site's folder. */
export function dirOption(): Option {
  return new Option('-d, --dir <folder>', "the site's folder")
    .env('SYNCLINE_DIR')
    .default(DEFAULT_DIR);
}

/** `--json`: one JSON value on standard output instead of text for a person. */
export function jsonOption(): Option {
  return new Option('--json', 'print JSON').default(false);
}

/** `--database`: connection string of a superuser. */
export function databaseOption(description: string): Option {
  return new Option('--database <uri>', description).argParser((text) =>
    checkDatabaseUrl('--database', text),
  );
}

/** Parser of an option or argument that is a whole number; Commander names it in the error. */
export function wholeNumber(low: number, high: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (Number.isInteger(value) && value >= low && value <= high) return value;
    throw new InvalidArgumentError(`It must be a whole number ${low}..${high}.`);
  };
}

/**
 * Has a command refuse an option whose value was left out before another option: Commander takes that one for the value,
 * and the command works with what stands by default.
 */
export function requireValues(command: Command): void {
  const flags = new Set(['-h', '--help']);
  for (const { short, long } of command.options) {
    for (const flag of [short, long]) if (flag !== undefined) flags.add(flag);
  }
  for (const option of command.options) {
    command.on(`option:${option.name()}`, (value: string | null | undefined) => {
      if (value == null || !flags.has(value.replace(/=.*$/s, ''))) return;
      command.error(`error: option '${option.flags}' argument missing before ${value}`, {
        code: 'commander.optionMissingArgument',
      });
    });
  }
}
