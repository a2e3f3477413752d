/** What the server knows of files: the open documents, and where modules are looked for. */
import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createFinder, loadModules } from '../yang/load.ts';
import type { SchemaContext } from '../yang/schema.ts';
import { substatementArgument } from '../yang/statement.ts';
import { parseSource } from '../yang/syntax/parser.ts';
import { withCommonLines } from './lines.ts';

/** Folders of a workspace that are searched for modules, so that one as big as a home folder costs little. */
const MAX_FOLDERS = 100;
const MAX_DEPTH = 3;
const MAX_ENTRIES = 20_000;

/**
 * Characters of a document that is still looked at: more than published modules have. A
 * check of more would take longer than a person waits between two words.
 */
export const MAX_TEXT = 1_000_000;

export class Workspace {
  /** The texts of open documents, saved or not, by path. */
  readonly texts = new Map<string, string>();
  readonly #packageFolders: readonly string[];
  #folders: readonly string[] = [];

  /** @param packageFolders folders with the modules that come with the package */
  constructor(packageFolders: readonly string[]) {
    this.#packageFolders = packageFolders;
  }

  /** Opens or changes a document. */
  set(file: string, text: string): void {
    this.texts.set(file, withCommonLines(text));
  }

  /** Looks through the workspace's folders for those with modules; again when files come and go. */
  scan(roots: readonly string[]): void {
    const budget = { entries: MAX_ENTRIES };
    this.#folders = roots.flatMap((root) => moduleFolders(root, budget)).slice(0, MAX_FOLDERS);
  }

  /** Folders where the imports of a file are looked for: its own, the workspace's, the package's. */
  searchPath(file: string): string[] {
    const own = file.startsWith('untitled:') ? [] : [dirname(file)];
    return [...new Set([...own, ...this.#folders, ...this.#packageFolders])];
  }

  /** The file to compile for an open one: itself, or for a submodule its module, if that is found. */
  rootOf(file: string): string {
    const text = this.texts.get(file) ?? '';
    if (!text.includes('submodule')) return file;
    const { root } = parseSource({ name: file, text });
    const module = root?.keyword === 'submodule' ? substatementArgument(root, 'belongs-to') : '';
    if (module === undefined || module === '') return file;
    return createFinder(this.searchPath(file), this.texts)(module, undefined)?.name ?? file;
  }

  /** The schema of an open file's module, with another text in the file's place. */
  schema(file: string, text: string): SchemaContext {
    const texts = new Map([...this.texts, [file, text]]);
    const root = this.rootOf(file);
    return loadModules({ files: [root], searchPath: this.searchPath(file), texts }).context;
  }
}

function moduleFolders(root: string, budget: { entries: number }, depth = 0): string[] {
  const entries = listEntries(root);
  budget.entries -= entries.length;
  if (budget.entries < 0) return [];
  const own = entries.some((entry) => entry.name.endsWith('.yang')) ? [root] : [];
  if (depth === MAX_DEPTH) return own;
  const inner = entries
    .filter((entry) => entry.isDirectory() && !/^\.|^node_modules$/.test(entry.name))
    .flatMap((entry) => moduleFolders(join(root, entry.name), budget, depth + 1));
  return [...own, ...inner];
}

function listEntries(folder: string): { name: string; isDirectory(): boolean }[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch {
    // A folder of the workspace that is gone, or closed to us, has no modules for us.
    return [];
  }
}
