/** The only file of this folder that reads files. */
import { readFileSync, readdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { SourceFile } from './source.ts';
import type { Diagnostic } from './diagnostics.ts';
import { sortDiagnostics } from './diagnostics.ts';
import { createDiagnostic } from './diagnostic-codes.ts';
import { compileModules } from './compile/compile.ts';
import type { FindSource } from './compile/registry.ts';
import type { LoadModules } from './schema.ts';

/**
 * Loads modules from files and compiles them with everything that they import. Imports are looked for in
 * the folders of the search path and then beside the given files. Never throws for what a file holds or
 * does not hold: see the diagnostics.
 */
export const loadModules: LoadModules = ({ files, searchPath, ...options }) => {
  const unreadable: Diagnostic[] = [];
  const sources = files.flatMap((file) => {
    const source = readSource(file);
    if (!('problem' in source)) return [source];
    unreadable.push(source.problem);
    return [];
  });
  const folders = new Set([...searchPath, ...files.map((file) => dirname(file))]);
  const find = createFinder([...folders]);
  const { context, diagnostics } = compileModules({ sources, find, ...options });
  return { context, diagnostics: sortDiagnostics([...unreadable, ...diagnostics]) };
};

function readSource(file: string): SourceFile | { problem: Diagnostic } {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(
      readFileSync(file),
    );
    return { name: file, text };
  } catch (error) {
    const start = { file, line: 1, column: 1 };
    const reason = error instanceof Error ? error.message : String(error);
    const problem = createDiagnostic('file-not-readable', { start, end: start }, { file, reason });
    return { problem };
  }
}

const FILE_NAME = /^([A-Za-z_][\w.-]*?)(?:@(\d{4}-\d{2}-\d{2}))?\.yang$/;

/**
 * Finds `name@revision.yang` and `name.yang` in folders, which are listed once. Without a revision the file
 * with the newest one in its name is taken, and one without a revision in its name only if there is none.
 */
export function createFinder(folders: readonly string[]): FindSource {
  const known = new Map<string, { file: string; revision: string | undefined }[]>();
  for (const folder of folders) {
    for (const entry of listFolder(folder)) {
      const match = FILE_NAME.exec(basename(entry));
      if (match === null) continue;
      const [, name, revision] = match;
      known.set(name!, [...(known.get(name!) ?? []), { file: join(folder, entry), revision }]);
    }
  }
  return (name, revision) => {
    const candidates = known.get(name) ?? [];
    if (revision === undefined) return read(newest(candidates));
    const exact = candidates.find((candidate) => candidate.revision === revision);
    const plain = candidates.find((candidate) => candidate.revision === undefined);
    const source = read(exact) ?? read(plain);
    return source?.text.includes(revision) === true ? source : undefined;
  };
}

function newest<T extends { revision: string | undefined }>(
  candidates: readonly T[],
): T | undefined {
  let best: T | undefined;
  for (const candidate of candidates) {
    if (best === undefined || (candidate.revision ?? '') > (best.revision ?? '')) best = candidate;
  }
  return best;
}

function read(candidate: { file: string } | undefined): SourceFile | undefined {
  const source = candidate === undefined ? undefined : readSource(candidate.file);
  return source === undefined || 'problem' in source ? undefined : source;
}

function listFolder(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    // A folder that is not there holds no modules; the import that needs one is reported.
    return [];
  }
}
