import { readFileSync, writeFileSync } from 'node:fs';
import { AppError } from '../base/errors.ts';

/**
 * Writes what a command makes to a file, or to standard output without one.
 *
 * @throws AppError OUTPUT_FILE
 */
export function writeOutput(text: string, file: string | undefined): void {
  if (file === undefined) {
    process.stdout.write(text);
    return;
  }
  try {
    writeFileSync(file, text);
  } catch (error) {
    throw new AppError('OUTPUT_FILE', `Cannot write "${file}": ${(error as Error).message}`, {
      hint: 'Is the folder there, may this user write to it, is the disk full?',
      cause: error,
    });
  }
}

/** @throws AppError INPUT_FILE for a file that cannot be read */
export function readInput(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new AppError('INPUT_FILE', `Cannot read "${file}": ${(error as Error).message}`, {
      hint: 'Name a file that this user may read',
      cause: error,
    });
  }
}
