import { readFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import type { Model } from '../model/ir.ts';
import type { InstalledModel } from '../site/catalog.ts';

/** Models by the names that `--model` was given. */
export function installedModels(names: readonly string[]): InstalledModel[] {
  return names.map((name) => {
    const text = readFileSync(name, 'utf8');
    const ir = JSON.parse(text) as Model;
    return { ir, hash: createHash('sha256').update(text).digest('hex') };
  });
}
