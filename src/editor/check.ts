/** Diagnostics of one model as an editor shows them: by file, and nothing that only a command would say. */
import { compileModels } from '../model/compile.ts';
import { importsCrp } from '../model/statements/crp-check.ts';
import { MODEL_CODES } from '../model/diagnostics/diagnostic-codes.ts';
import type { Diagnostic } from '../yang/diagnostics.ts';
import type { SchemaContext } from '../yang/schema.ts';
import type { Module } from '../yang/schema-modules.ts';
import type { Statement } from '../yang/statement.ts';
import { argumentSpan, keywordSpan } from '../yang/statement.ts';
import type { Workspace } from './workspace.ts';

/** What a check of one module found. */
export interface Checked {
  /** By file, for open files and the module itself. */
  diagnostics: Map<string, Diagnostic[]>;
  /** The files that it was made from. */
  reads: Set<string>;
  hasErrors: boolean;
}

export interface CheckOptions {
  /** Report errors of YANG itself too; without, another server does. */
  yang: boolean;
}

/** At most so many are shown for one file; the first ones explain the others. */
const MAX_DIAGNOSTICS = 500;

/** Compiles the module of a file, as it is in the open documents, with all that it imports. */
export function checkFile(root: string, workspace: Workspace, options: CheckOptions): Checked {
  const { texts } = workspace;
  const searchPath = workspace.searchPath(root);
  const { context, diagnostics } = compileModels({ files: [root], searchPath, texts });
  const shown = diagnostics.filter((one) => isForEditor(one, moduleOf(context, root), options));
  const byFile = new Map<string, Diagnostic[]>([[root, []]]);
  for (const one of shown) {
    const { file } = one.span.start;
    byFile.set(file, [...(byFile.get(file) ?? []), one].slice(0, MAX_DIAGNOSTICS));
  }
  const own = byFile.get(root)!;
  for (const [file, found] of byFile) {
    if (file === root || texts.has(file)) continue;
    byFile.delete(file);
    own.push(...aboutImported(file, found, moduleOf(context, root)));
  }
  const hasErrors = diagnostics.some(({ severity }) => severity === 'error');
  return { diagnostics: byFile, reads: new Set([root, ...filesOf(context)]), hasErrors };
}

/**
 * A command is told which files are a model; an editor has modules open that are none, and modules that
 * only lend definitions.
 */
function isForEditor(
  { code }: Diagnostic,
  module: Module | undefined,
  { yang }: CheckOptions,
): boolean {
  if (code === MODEL_CODES['no-model'].code) return false;
  if (code === MODEL_CODES['no-service'].code) return module !== undefined && importsCrp(module);
  return yang || /^CRP\d/.test(code);
}

function moduleOf(context: SchemaContext, file: string): Module | undefined {
  return context.modules.find((module) => module.position.file === file);
}

function filesOf(context: SchemaContext): string[] {
  return context.modules.flatMap((module) => [
    module.position.file,
    ...module.submodules.map((part) => part.statement.position.file),
  ]);
}

/** Errors of a file that is not open, said where the module imports or includes it. */
function aboutImported(
  file: string,
  found: readonly Diagnostic[],
  module: Module | undefined,
): Diagnostic[] {
  const errors = found.filter(({ severity }) => severity === 'error');
  const [first] = errors;
  if (first === undefined || module === undefined) return [];
  const place = importOf(file, module.statement);
  const more = errors.length === 1 ? 'an error' : `${errors.length} errors`;
  return [
    {
      code: 'error-in-import',
      severity: 'error',
      span: place === undefined ? keywordSpan(module.statement) : argumentSpan(place),
      message: `a file that this module needs has ${more}: ${file}`,
      related: errors.slice(0, 3).map(({ message, span }) => ({ message, position: span.start })),
    },
  ];
}

/** The statement that brings in a file, by the name that files of modules have (RFC 7950 §5.2). */
function importOf(file: string, root: Statement): Statement | undefined {
  const name = /([^/\\@]+)(?:@[^/\\]*)?\.yang$/.exec(file)?.[1];
  return root.substatements.find(
    (one) => (one.keyword === 'import' || one.keyword === 'include') && one.argument === name,
  );
}
