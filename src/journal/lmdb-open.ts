import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { open } from 'lmdb';
import type { RootDatabase } from 'lmdb';
import { AppError } from '../base/errors.ts';
import { SMALL } from './room.ts';
import type { Room } from './room.ts';

/** What LMDB makes: the data, and who reads them. */
const FILES = ['journal.lmdb', 'journal.lmdb-lock'] as const;

/**
 * Opens a journal in a folder, which is made if it is not there.
 *
 * @throws AppError of `open`, and JOURNAL_UNUSABLE for what else it throws
 */
export function opening<T>(folder: string, open: () => T): T {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    return open();
  } catch (error) {
    if (error instanceof AppError) throw error;
    throw new AppError('JOURNAL_UNUSABLE', `Cannot open the journal "${folder}"`, {
      hint: 'Check that the folder is writable and on a local disk',
      cause: error,
    });
  }
}

/**
 * Opens the files of a journal, or makes them.
 *
 * @throws AppError JOURNAL_FULL where there is no room to make them, or the library's error
 */
export function openLmdb(folder: string, room: Room): RootDatabase {
  if (!FILES.every((name) => existsSync(join(folder, name)))) room(SMALL);
  return open({
    ...{ path: join(folder, FILES[0]), maxDbs: 8, maxReaders: 64 },
    // With it, what fails is also told by a promise that nobody has, which ends the process.
    eventTurnBatching: false,
  });
}
