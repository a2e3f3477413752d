import type { Model } from '../../src/model/ir/ir.ts';
import { compileTexts, moduleText } from './model-text.ts';

/** Compiles the body of a model that has to be right. */
export function modelOf(body: string): Model {
  const { models, diagnostics } = compileTexts(moduleText(body));
  const [model] = models;
  if (model === undefined) throw new Error(JSON.stringify(diagnostics, null, 1));
  return model;
}
