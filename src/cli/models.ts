import { readFileSync } from 'node:fs';
import { AppError } from '../base/errors.ts';
import { compileModels } from '../model/compile.ts';
import { modelHash } from '../model/ir/hash.ts';
import { IR_VERSION } from '../model/ir/ir.ts';
import type { Model } from '../model/ir/ir.ts';
import type { InstalledModel } from '../site/database/catalog.ts';
import { modelFiles, modelSearchPath, unknownModel } from './commands/model-files.ts';
import { diagnosticsText } from './commands/model-output.ts';

/**
 * Compiles what `--model` was given: names of shipped models, YANG files, or compiled models (the JSON of
 * `src/model/ir/ir.ts`, as `crp.model` has it).
 *
 * @throws AppError MODEL_INVALID with all diagnostics
 */
export function installedModels(names: readonly string[]): InstalledModel[] {
  const compiled = names.filter((name) => name.endsWith('.json')).map(readIr);
  const sources = names.filter((name) => !name.endsWith('.json'));
  const models = [...compiled, ...(sources.length === 0 ? [] : compile(sources))];
  return models.map((ir) => ({ ir, hash: modelHash(ir) }));
}

function compile(names: readonly string[]): Model[] {
  const files = modelFiles(names);
  const { models, diagnostics } = compileModels({ files, searchPath: modelSearchPath(files) });
  if (models.length > 0) return models;
  throw new AppError('MODEL_INVALID', `The model is not valid:\n${diagnosticsText(diagnostics)}`, {
    hint: unknownModel(names) ?? `syncline model check ${names.join(' ')}`,
  });
}

function readIr(file: string): Model {
  try {
    const model = JSON.parse(readFileSync(file, 'utf8')) as Model;
    if (model.irVersion === IR_VERSION) return model;
    throw new Error(`it has format ${String(model.irVersion)}, not ${IR_VERSION}`);
  } catch (error) {
    throw new AppError(
      'MODEL_INVALID',
      `"${file}" is not a compiled model: ${(error as Error).message}`,
      {
        hint: 'Give the YANG file instead',
        cause: error,
      },
    );
  }
}
