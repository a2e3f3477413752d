import {
  closeSync,
  constants,
  fchownSync,
  fstatSync,
  ftruncateSync,
  lstatSync,
  openSync,
  readSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { NO_LINK } from './own-folder.ts';

/** Read and written at a time. */
const BLOCK = 1024 * 1024;

/**
 * Keeps a log from growing without bound: what is in it goes to `FILE.1`, in place of what is there, and the file is
 * emptied. Whoever writes has to have it open for appending, and goes on in the empty file; what is written by another
 * process at that very moment may be lost. Does nothing with a smaller file, with a link, which somebody else may have put
 * there, or where there is none.
 *
 * @param maxBytes longest file; of a longer one `FILE.1` gets the last so many bytes
 * @returns whether it was emptied; it is also where `FILE.1` cannot be written, since a log must not keep a disk full
 * @throws the file system's error
 */
export function cutFile(path: string, maxBytes: number): boolean {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found?.isFile() !== true || found.size <= maxBytes) return false;
  const file = openSync(path, constants.O_RDWR | NO_LINK);
  try {
    keepEnd(file, `${path}.1`, maxBytes);
  } finally {
    ftruncateSync(file);
    closeSync(file);
  }
  return true;
}

/** Copies the end of a file, with its owner and rights. */
function keepEnd(file: number, to: string, maxBytes: number): void {
  const { size, mode, uid, gid } = fstatSync(file);
  // First, and not over it: there may be no room for both.
  rmSync(to, { force: true });
  const kept = openSync(to, 'wx', mode);
  try {
    const block = Buffer.allocUnsafe(BLOCK);
    for (let at = Math.max(0, size - maxBytes); at < size;) {
      const length = readSync(file, block, 0, Math.min(BLOCK, size - at), at);
      if (length === 0) break;
      writeSync(kept, block, 0, length);
      at += length;
    }
    if (uid !== process.getuid?.()) fchownSync(kept, uid, gid);
  } finally {
    closeSync(kept);
  }
}
