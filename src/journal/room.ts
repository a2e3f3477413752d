import { statfsSync } from 'node:fs';
import { journalFull } from './group-commit.ts';

const MIB = 1024 * 1024;

/** For a few pages of B-trees: notes, and what is deleted. */
export const SMALL = 4 * MIB;
/** Is left free for others: two segments of WAL, where the site's server has the same disk. */
const RESERVE = 32 * MIB;

/**
 * Makes sure that so many bytes are free.
 *
 * @throws AppError JOURNAL_FULL
 */
export type Room = (bytes: number) => void;

/** What a transaction that writes values of so many bytes may need: pages are rounded up. */
export function roomFor(bytes: number): number {
  return 2 * bytes + RESERVE;
}

/**
 * Looks at the disk before LMDB writes. It must not find out itself that there is no room: after a write that failed the
 * library (lmdb 3.5) writes a message into a buffer that is too short for it, and the process ends. And the file of locks is
 * mapped into memory, where a missing page is SIGBUS. Free pages in the journal's file are not counted: a value takes pages
 * that lie side by side, of which LMDB does not say how many there are, and where it finds none it makes the file longer.
 *
 * @param free bytes that are free on the disk of the folder
 */
export function roomIn(folder: string, free = (): number => freeOn(folder)): Room {
  return (bytes) => {
    const found = free();
    if (found >= bytes) return;
    throw journalFull(`${Math.floor(found / MIB)} MiB are free on the disk of "${folder}"`, {
      hint: `Free ${Math.ceil(bytes / MIB)} MiB there, or more; an agent that runs goes on by itself`,
    });
  };
}

function freeOn(folder: string): number {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
}
