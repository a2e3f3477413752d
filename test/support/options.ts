import { parseArgs } from 'node:util';
import type { ParseArgsConfig } from 'node:util';

/**
 * Reads the options of a tool; ends the process with status 2, one line of what is wrong and the usage when there is one
 * that it does not know.
 */
export function readOptions<T extends NonNullable<ParseArgsConfig['options']>>(
  options: T,
  usage: string,
): ReturnType<typeof parseArgs<{ options: T }>>['values'] {
  try {
    return parseArgs({ options }).values;
  } catch (error) {
    console.error(`${(error as Error).message.split('. ')[0]}; usage: ${usage}`);
    process.exit(2);
  }
}
