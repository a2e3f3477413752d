import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The project's folder. Tests run from their sources as well as compiled from `dist/`, which has no models or documents. */
export const ROOT = find(import.meta.dirname);

function find(folder: string): string {
  return existsSync(join(folder, 'package.json')) ? folder : find(dirname(folder));
}
