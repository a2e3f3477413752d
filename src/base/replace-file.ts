import { renameSync, writeFileSync } from 'node:fs';

/**
 * Writes a file in place of the one that is there: whoever reads it gets the one or the other, and a disk that is full
 * leaves the former one.
 *
 * @param options `mode` of the new file; `prepare` is called with the path of the new one before it takes the place
 * @throws the file system's error
 */
export function replaceFile(
  path: string,
  text: string,
  options: { mode?: number; prepare?: (part: string) => void } = {},
): void {
  const part = `${path}.part`;
  writeFileSync(part, text, { mode: options.mode ?? 0o666, flush: true });
  options.prepare?.(part);
  renameSync(part, path);
}
