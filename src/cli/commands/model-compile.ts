import type { CompileAllResult } from '../../model/compile.ts';
import { compileModels } from '../../model/compile.ts';
import { modelFiles, modelSearchPath, unknownModel } from './model-files.ts';
import { diagnosticsText } from './model-output.ts';

/** What a command that takes models says of them. */
export const FILES = 'YANG files of models, or names of models that come with the package';

/** Compiles, and sets the exit code to 1 if one is an error. */
export function compileFiles(names: readonly string[]): CompileAllResult {
  const files = modelFiles(names);
  const result = compileModels({ files, searchPath: modelSearchPath(files) });
  if (result.models.length === 0) process.exitCode = 1;
  return result;
}

/** The models of the files, with the diagnostics on standard error; none when there is an error. */
export function compileOrExplain(names: readonly string[]): CompileAllResult {
  const result = compileFiles(names);
  const text = diagnosticsText(result.diagnostics);
  if (text !== '') console.error(text);
  const unknown = unknownModel(names);
  if (unknown !== undefined) console.error(unknown);
  return result;
}
