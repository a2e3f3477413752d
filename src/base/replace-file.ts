import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs';

/**
 * Writes a file in place of the one that is there: whoever reads it gets the one or the other, and a disk that is full
 * leaves the former one. Where somebody else may write in the folder, a link that he puts there leads nowhere.
 *
 * @param options `mode` of the new file; `prepare` is called with the new one before it takes the place
 * @throws the file system's error
 */
export function replaceFile(
  path: string,
  text: string,
  options: { mode?: number; prepare?: (file: number) => void } = {},
): void {
  const part = `${path}.part`;
  // What was left by a try that failed.
  rmSync(part, { force: true });
  const file = openSync(part, 'wx', options.mode ?? 0o666);
  try {
    writeFileSync(file, text);
    options.prepare?.(file);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(part, path);
}
