import { readFileSync, writeFileSync } from 'node:fs';
import { AppError, asError } from '../base/errors.ts';

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
    throw cannotWrite('OUTPUT_FILE', file, error);
  }
}

/** The error of a file that a command was to write. */
export function cannotWrite(code: string, file: string, error: unknown): AppError {
  return new AppError(code, `Cannot write "${file}": ${asError(error).message}`, {
    hint: 'Is the folder there, may this user write to it, is the disk full?',
    cause: error,
  });
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
