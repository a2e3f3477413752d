/** The only file of this folder that reads files. */
import { readFileSync, readdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { SourceFile } from './source.ts';
import type { Diagnostic } from './diagnostics.ts';
import { sortDiagnostics } from './diagnostics.ts';
import { createDiagnostic } from './diagnostic-codes.ts';
import { compileModules } from './compile/compile.ts';
import type { FindSource } from './compile/registry.ts';
import type { SchemaContext } from './schema.ts';

const NO_TEXTS: ReadonlyMap<string, string> = new Map();

export interface LoadOptions {
  /** Paths of the module files to implement; what they import is looked for in `searchPath`. */
  files: readonly string[];
  /** Folders with `name.yang` and `name@revision.yang` files; not searched recursively. */
  searchPath: readonly string[];
  /**
   * Enabled features by module name. A module that is not listed has all of its features enabled.
   */
  features?: Readonly<Record<string, readonly string[]>>;
  /** Implement imported modules too, as `yanglint -i` does. Default false. */
  implementImports?: boolean;
  /**
   * Names in `must` and `when` that lead to no node are warnings, as XPath itself has it, and not errors.
   * Default false. In modules that are not in `files` they are always warnings: published modules have
   * such mistakes.
   */
  lenientXPath?: boolean;
  /**
   * Texts of files by path, which count instead of what is on the disk: an editor's unsaved documents. Those
   * in a folder of the search path are found there even when the disk has no such file.
   */
  texts?: ReadonlyMap<string, string>;
}

export interface LoadResult {
  /** Whole when no diagnostic is an error; otherwise what could be made of the modules. */
  context: SchemaContext;
  /** Sorted by place. */
  diagnostics: Diagnostic[];
}

/**
 * Loads modules from files and compiles them with everything that they import. Imports are looked for in
 * the folders of the search path and then beside the given files. Never throws for what a file holds or
 * does not hold: see the diagnostics.
 */
export function loadModules({
  files,
  searchPath,
  texts = NO_TEXTS,
  ...options
}: LoadOptions): LoadResult {
  const unreadable: Diagnostic[] = [];
  const sources = files.flatMap((file) => {
    const source = readSource(file, texts);
    if (!('problem' in source)) return [source];
    unreadable.push(source.problem);
    return [];
  });
  const folders = new Set([...searchPath, ...files.map((file) => dirname(file))]);
  const find = createFinder([...folders], texts);
  const { context, diagnostics } = compileModules({ sources, find, ...options });
  return { context, diagnostics: sortDiagnostics([...unreadable, ...diagnostics]) };
}

function readSource(
  file: string,
  texts: ReadonlyMap<string, string>,
): SourceFile | { problem: Diagnostic } {
  const given = texts.get(file);
  if (given !== undefined) return { name: file, text: given };
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
 *
 * @param texts as in `LoadOptions`
 */
export function createFinder(
  folders: readonly string[],
  texts: ReadonlyMap<string, string> = NO_TEXTS,
): FindSource {
  const known = new Map<string, { file: string; revision: string | undefined }[]>();
  for (const folder of folders) {
    for (const entry of listFolder(folder, texts)) {
      const match = FILE_NAME.exec(entry);
      if (match === null) continue;
      const [, name, revision] = match;
      known.set(name!, [...(known.get(name!) ?? []), { file: join(folder, entry), revision }]);
    }
  }
  return (name, revision) => {
    const candidates = known.get(name) ?? [];
    if (revision === undefined) return read(newest(candidates), texts);
    const exact = candidates.find((candidate) => candidate.revision === revision);
    const plain = candidates.find((candidate) => candidate.revision === undefined);
    const source = read(exact, texts) ?? read(plain, texts);
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

function read(
  candidate: { file: string } | undefined,
  texts: ReadonlyMap<string, string>,
): SourceFile | undefined {
  const source = candidate === undefined ? undefined : readSource(candidate.file, texts);
  return source === undefined || 'problem' in source ? undefined : source;
}

/** Names of the files in a folder, with those that only `texts` has. */
function listFolder(folder: string, texts: ReadonlyMap<string, string>): Iterable<string> {
  const given = [...texts.keys()].filter((file) => dirname(file) === folder);
  const names = given.map((file) => basename(file));
  try {
    return new Set([...readdirSync(folder), ...names]);
  } catch {
    // A folder that is not there holds no modules; the import that needs one is reported.
    return names;
  }
}
