/** Refuses what the language can say and this version of the engine cannot keep. */
import type { SchemaNode } from '../../yang/schema.ts';
import type { ExtensionInstance, Module } from '../../yang/schema-modules.ts';
import { argumentSpan } from '../../yang/statement.ts';
import { CRP_MODULE } from './crp-statements.ts';
import type { ModelReporter } from '../diagnostics/diagnostic-codes.ts';
import { HONOURED } from './engine.ts';

/** Checks all statements in effect in a module's tree and at its top. */
export function checkAvailability(module: Module, reporter: ModelReporter): void {
  const check = (instance: ExtensionInstance): void => {
    if (instance.module === CRP_MODULE) checkOne(instance, reporter);
    instance.children.forEach(check);
  };
  module.extensions.forEach(check);
  const visit = (node: SchemaNode): void => {
    node.extensions.forEach(check);
    if (node.kind === 'list') node.uniques.forEach((unique) => unique.extensions.forEach(check));
    node.children.forEach(visit);
  };
  module.children.forEach(visit);
}

function checkOne(instance: ExtensionInstance, reporter: ModelReporter): void {
  const { name, argument } = instance;
  const honoured = Object.hasOwn(HONOURED, name) ? HONOURED[name] : undefined;
  if (honoured === undefined || (argument !== undefined && honoured.includes(argument))) return;
  const what = `"crp:${name}${honoured.length > 0 && argument !== undefined ? ` ${argument}` : ''}"`;
  const expected = honoured.map((one) => `"${one}"`).join(' or ');
  const hint =
    'Leave the statement out until the engine has it: a rule that is not kept is worse than none.';
  const help = expected === '' ? { hint } : { expected, hint };
  reporter.report('unavailable', argumentSpan(instance.statement), { what }, help);
}
