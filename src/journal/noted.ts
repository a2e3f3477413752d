import { crc32 } from 'node:zlib';
import { AppError } from '../base/errors.ts';

/**
 * What is noted of a batch or chunk beside it: its size, and its checksum. LMDB has none, and what a disk damaged would be
 * written into the databases of others. Earlier builds noted the size alone.
 */
export type Noted = number | readonly [size: number, sum: number];

/** The note of what is written. */
export function noteOf(bytes: Buffer): Noted {
  return [bytes.length, crc32(bytes)];
}

/** The size in bytes; 0 where nothing was noted. */
export function sizeIn(noted: Noted | undefined): number {
  if (noted === undefined) return 0;
  return typeof noted === 'number' ? noted : noted[0];
}

/**
 * Compares what was read with its note.
 *
 * @param what it is, for the message
 * @throws AppError JOURNAL_DAMAGED
 */
export function checkWhole(bytes: Buffer, noted: Noted | undefined, what: string): void {
  if (typeof noted !== 'object' || noted[1] === crc32(bytes)) return;
  throw new AppError('JOURNAL_DAMAGED', `The journal is damaged: ${what} is not what was written`, {
    hint:
      'Look at the disk. Stop the agent, move its folder journal away and run syncline recapture ' +
      '(docs/operating/recover.md)',
  });
}
