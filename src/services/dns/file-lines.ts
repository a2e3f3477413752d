import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { AppError } from '../../base/errors.ts';
import { TextProblem, placed } from './problem.ts';

/** One read; large enough that the calls do not count. */
const CHUNK = 64 * 1024;

/** Longest line. The largest record (65,535 octets, each written as `\DDD`) has a quarter of it. */
export const MAX_LINE = 1024 * 1024;

const NEWLINE = 0x0a;

/**
 * The lines of a file without their ends, one character an octet (so nothing is lost whatever the
 * encoding). Holds one line and one chunk at a time.
 *
 * @throws AppError ZONE_FILE when the file cannot be read, ZONE_SYNTAX for a line that is too long
 */
export function* readLines(file: string): Generator<string, void, undefined> {
  const fd = openFile(file);
  try {
    const chunk = Buffer.allocUnsafe(CHUNK);
    let rest = '';
    let line = 1;
    for (let size = read(fd, chunk, file); size > 0; size = read(fd, chunk, file)) {
      let start = 0;
      for (let end = find(chunk, start, size); end >= 0; end = find(chunk, start, size)) {
        yield rest + chunk.toString('latin1', start, end);
        rest = '';
        line += 1;
        start = end + 1;
      }
      rest += chunk.toString('latin1', start, size);
      if (rest.length > MAX_LINE) throw longLine(file, line);
    }
    if (rest !== '') yield rest;
  } finally {
    closeSync(fd);
  }
}

function find(chunk: Buffer, start: number, size: number): number {
  const end = chunk.indexOf(NEWLINE, start);
  return end < size ? end : -1;
}

function openFile(file: string): number {
  try {
    const fd = openSync(file, 'r');
    if (!fstatSync(fd).isDirectory()) return fd;
    closeSync(fd);
  } catch (error) {
    throw unreadable(file, (error as Error).message, error);
  }
  throw unreadable(file, 'it is a folder');
}

function read(fd: number, chunk: Buffer, file: string): number {
  try {
    return readSync(fd, chunk, 0, CHUNK, null);
  } catch (error) {
    throw unreadable(file, (error as Error).message, error);
  }
}

function unreadable(file: string, why: string, cause?: unknown): AppError {
  return new AppError('ZONE_FILE', `Cannot read the zone file "${file}": ${why}`, {
    hint: 'Name a master file (RFC 1035 §5) that this user may read',
    cause,
  });
}

function longLine(file: string, line: number): AppError {
  const problem = new TextProblem(
    `the line is longer than ${MAX_LINE} octets`,
    'Is this a master file? Break long records with parentheses (RFC 1035 §5.1)',
  );
  return placed({ file, line, column: 1 }, problem);
}
