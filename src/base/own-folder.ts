import { constants, lstatSync, mkdirSync } from 'node:fs';
import { AppError } from './errors.ts';

/** For opening a file where somebody else may put a link; Windows has no such flag, and no other user to be careful of. */
export const NO_LINK = constants.O_NOFOLLOW ?? 0;

/**
 * Makes a folder in one where everybody may make some (`/tmp`), or takes the one that is there if nobody but its owner can
 * have put anything into it: its name can be foreseen.
 *
 * @param options `mode` of a new one; `owners`: user ids that may have made the one that is there
 * @returns whether it was made
 * @throws AppError FOLDER_FOREIGN; the file system's error
 */
export function ownFolder(
  path: string,
  options: { mode: number; owners: readonly number[] },
): boolean {
  try {
    mkdirSync(path, { mode: options.mode });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  // Not what a link leads to.
  const found = lstatSync(path);
  const isOwn = options.owners.includes(found.uid) && (found.mode & 0o002) === 0;
  if (found.isDirectory() && isOwn) return false;
  throw new AppError('FOLDER_FOREIGN', `"${path}" was made by somebody else`, {
    hint: 'See who made it and what for (ls -ld), remove it, and try again',
  });
}
