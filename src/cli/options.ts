import { InvalidArgumentError, Option } from 'commander';
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
