/** The method that a `crp:resolve` names, and whether it fits the columns of its group. */
import type { ExtensionInstance } from '../../yang/schema-modules.ts';
import { argumentSpan } from '../../yang/statement.ts';
import { didYouMean } from '../../yang/suggest.ts';
import { CRP_MODULE } from '../statements/crp-statements.ts';
import type { ModelReporter } from '../diagnostics/diagnostic-codes.ts';
import type { ColumnDraft } from '../draft/draft.ts';
import { METHODS } from '../statements/engine.ts';
import type { MethodInfo } from '../statements/engine.ts';
import type { Method } from '../ir/ir-resolution.ts';
import { isLooseNumber } from '../types/loose-types.ts';
import { isComparable } from './monotonic.ts';
import type { Resolve } from './monotonic.ts';

/** That of a group for which none is written. */
export const DEFAULT_METHOD: Method = 'latest-timestamp';

/** Reads one `crp:resolve`. What is wrong is reported, and the default stands in for a method that is not there. */
export function readMethod(
  resolve: ExtensionInstance,
  columns: readonly ColumnDraft[],
  reporter: ModelReporter,
): Resolve['method'] {
  const written = resolve.argument ?? '';
  const [prefix, name] = written.includes(':') ? written.split(':') : [undefined, written];
  const module = resolve.scope.resolve(prefix)?.name;
  const info = module === CRP_MODULE ? METHODS[name!] : undefined;
  const span = argumentSpan(resolve.statement);
  if (info === undefined) {
    reporter.report('unknown-method', span, { name: written }, methodHelp(resolve));
    return DEFAULT_METHOD;
  }
  checkColumns({ resolve, name: name!, columns }, reporter);
  if (!info.available) {
    const available = Object.entries(METHODS).filter(([, method]) => method.available);
    const what = `resolution method "${name}"`;
    const expected = `one of ${available.map(([one]) => `"crp:${one}"`).join(', ')}`;
    reporter.report('unavailable', span, { what }, { expected });
    return DEFAULT_METHOD;
  }
  return name as Resolve['method'];
}

function methodHelp(resolve: ExtensionInstance): { expected: string; hint: string | undefined } {
  const written = resolve.argument ?? '';
  const prefix = resolve.scope
    .prefixes()
    .find((one) => resolve.scope.resolve(one)?.name === CRP_MODULE);
  const names = Object.keys(METHODS).map((name) => `${prefix ?? 'crp'}:${name}`);
  const bare = names.find((name) => name.split(':')[1] === written);
  return {
    expected: 'an identity derived from "crp:resolution"',
    hint: bare === undefined ? didYouMean(written, names) : `Write it with its prefix: "${bare}".`,
  };
}

function checkColumns(
  work: { resolve: ExtensionInstance; name: string; columns: readonly ColumnDraft[] },
  reporter: ModelReporter,
): void {
  const { resolve, name, columns } = work;
  const { values } = METHODS[name]!;
  const span = argumentSpan(resolve.statement);
  for (const column of columns) {
    const names = { method: name, column: column.path };
    if (!valuesFit(values, column)) {
      const isSet = column.node.kind === 'leaf-list';
      const type = isSet ? 'leaf-list' : (column.type.yang?.base ?? 'presence');
      reporter.report('method-type', span, { ...names, type });
    } else if (name === 'additive' && isLooseNumber(column.sqlType ?? '')) {
      const hint =
        'Sites that add in another order would write the sum otherwise: take numeric(p,s).';
      reporter.report('method-type', span, { ...names, type: column.sqlType! }, { hint });
    }
  }
}

function valuesFit(values: MethodInfo['values'], column: ColumnDraft): boolean {
  switch (values) {
    case 'any':
      return true;
    case 'set':
      return column.node.kind === 'leaf-list';
    case 'comparable':
      return isComparable(column);
    case 'serial':
      return column.type.yang?.base === 'uint32' && isComparable(column);
    case 'number':
      return column.node.kind !== 'leaf-list' && column.type.class === 'number';
  }
}
