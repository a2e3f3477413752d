import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** A file of the package, found from the sources as well as from the built files in `dist/`. */
export function packageRoot(...parts: string[]): string {
  let folder = import.meta.dirname;
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder);
  return join(folder, ...parts);
}
