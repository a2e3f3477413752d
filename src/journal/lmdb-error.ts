import { AppError, asError } from '../base/errors.ts';
import { journalFull } from './group-commit.ts';

/** ENOSPC, EFBIG, and EDQUOT of Linux and of macOS (errno(3)). */
const NO_SPACE = new Set<unknown>([28, 27, 122, 69]);

/**
 * Says why a transaction of LMDB failed.
 *
 * @param error of the library's promise. The reason comes by another one, which ends the process if nobody has it
 * @throws AppError JOURNAL_FULL or JOURNAL_UNWRITABLE
 */
export async function refused(error: unknown): Promise<never> {
  const { commitError } = error as { commitError?: Promise<never> };
  const reason = asError(commitError ? await commitError.catch((found: unknown) => found) : error);
  // What follows is where in the file.
  const [why = ''] = reason.message.split(': Attempting');
  if (NO_SPACE.has((reason as { code?: unknown }).code)) {
    throw journalFull(why, {
      hint: "Free space on the disk of the site's folder (journal); the agent goes on by itself",
      cause: reason,
    });
  }
  throw new AppError('JOURNAL_UNWRITABLE', `The journal cannot be written: ${why}`, {
    hint: "Look at the disk of the site's folder (journal); then start the agent again",
    retry: 'later',
    cause: reason,
  });
}
