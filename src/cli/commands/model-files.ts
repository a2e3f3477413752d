import { existsSync, readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { packageRoot } from '../package-root.ts';

/** Names of the models that the package ships. */
export function shippedModels(): string[] {
  const models = packageRoot('models');
  if (!existsSync(models)) return [];
  return readdirSync(models, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort();
}

/** What to say of the first name that is neither a file nor a shipped model; undefined when there is none. */
export function unknownModel(names: readonly string[]): string | undefined {
  const missing = names.find((name) => modelFiles([name])[0] === name && !isFile(name));
  if (missing === undefined) return undefined;
  return `"${missing}" is no file and no shipped model: those are ${shippedModels().join(', ')}`;
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
}

/** Folders where imported modules are looked for: those of the files, then the package's own. */
export function modelSearchPath(files: readonly string[]): string[] {
  const shipped = shippedModels().map((name) => packageRoot('models', name));
  return [...new Set([...files.map((file) => dirname(file)), packageRoot('yang'), ...shipped])];
}

/**
 * Files of models by what the user wrote: the path of a file, or the name of a model that the package ships,
 * `dns` for models/dns/*.yang. A name that is neither is left for the reader to report.
 */
export function modelFiles(names: readonly string[]): string[] {
  return names.flatMap((name) => {
    if (existsSync(name) && name.endsWith('.yang')) return [name];
    const folder = packageRoot('models', name);
    if (!/^[a-z0-9-]+$/.test(name) || !existsSync(folder)) return [name];
    return readdirSync(folder)
      .filter((file) => file.endsWith('.yang'))
      .sort()
      .map((file) => join(folder, file));
  });
}
