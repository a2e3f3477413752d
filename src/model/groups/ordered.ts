/**
 * Ordered groups: methods that depend on the order of changes, each with the method that decides when it
 * cannot (crp:otherwise).
 */
import type { ExtensionInstance } from '../../yang/schema-modules.ts';
import { argumentSpan } from '../../yang/statement.ts';
import { crpChild } from '../statements/crp-reader.ts';
import type { ModelReporter } from '../diagnostics/diagnostic-codes.ts';
import type { EntityDraft } from '../draft/draft.ts';
import { METHODS } from '../statements/engine.ts';
import type { SqlName } from '../ir/names.ts';
import type { OrderedMethod } from '../ir/ir-resolution.ts';
import { misfit, orderOfValues } from './monotonic.ts';
import type { Resolve } from './monotonic.ts';
import { isOwned } from './ownership.ts';
import { isSetMethod } from './set-groups.ts';

/** Methods that may leave it to the next one. */
export const MAY_PASS: ReadonlySet<string> = new Set<string>([
  'site-priority',
  'owner-wins',
  'sql-function',
  'average',
]);

/** A `crp:resolve` and the `crp:otherwise` in it, one in the other. */
export function methodChain(resolve: ExtensionInstance | undefined): ExtensionInstance[] {
  if (resolve === undefined) return [];
  return [resolve, ...methodChain(crpChild(resolve, 'otherwise'))];
}

/** True if what stands depends on the order of changes, so that the entity has to keep history. */
export function isOrdered(chain: readonly Resolve[]): boolean {
  return chain.some(({ method }) => METHODS[method]?.ordered === true);
}

/** The methods of an ordered group as the IR has them; what does not fit is reported. */
export function orderedMethods(
  chain: readonly Resolve[],
  draft: EntityDraft,
  reporter: ModelReporter,
): OrderedMethod[] {
  checkChain(chain, reporter);
  return chain.map((work) => {
    checkSubstatements(work, reporter);
    const order = orderOfValues(work, reporter);
    return {
      method: ofWholeValues(work, reporter),
      ...(order === undefined ? {} : { order }),
      ...parameters(work, draft, reporter),
    };
  });
}

/** A set has no two values of which one could stand. */
function ofWholeValues(
  { resolve, method }: Resolve,
  reporter: ModelReporter,
): OrderedMethod['method'] {
  if (!isSetMethod(method)) return method;
  misfit(resolve, 'resolve', `"crp:${method}" goes with no other method`, reporter);
  return 'latest-timestamp';
}

/** Every method but the last one has to be one that may pass. */
export function checkChain(chain: readonly Resolve[], reporter: ModelReporter): void {
  for (const [at, { resolve }] of chain.entries()) {
    const before = chain[at - 1];
    if (before === undefined || MAY_PASS.has(before.method)) continue;
    misfit(resolve, 'otherwise', `"crp:${before.method}" always decides`, reporter);
  }
}

/** Statements that only one method has. */
function checkSubstatements({ resolve, method }: Resolve, reporter: ModelReporter): void {
  for (const [name, owner] of [
    ['sites', 'site-priority'],
    ['function', 'sql-function'],
  ] as const) {
    const child = crpChild(resolve, name);
    if (child === undefined || method === owner) continue;
    misfit(child, name, `only "crp:${owner}" has it`, reporter);
  }
}

function parameters(
  work: Resolve,
  draft: EntityDraft,
  reporter: ModelReporter,
): Pick<OrderedMethod, 'sites' | 'function'> {
  switch (work.method) {
    case 'site-priority':
      return { sites: sitesOf(work, reporter) };
    case 'sql-function': {
      const named = functionOf(work, reporter);
      return named === undefined ? {} : { function: named };
    }
    case 'owner-wins':
      checkOwner(work, draft, reporter);
      return {};
    case 'average':
      checkMean(work, reporter);
      return {};
    default:
      return {};
  }
}

function sitesOf({ resolve }: Resolve, reporter: ModelReporter): string[] {
  const written = required(resolve, 'sites', reporter);
  const sites = (written?.argument ?? '').split(/\s+/).filter((name) => name !== '');
  const twice = sites.find((name, at) => sites.indexOf(name) < at);
  if (twice !== undefined) misfit(written!, 'sites', `"${twice}" is named twice`, reporter);
  return sites;
}

function functionOf({ resolve }: Resolve, reporter: ModelReporter): SqlName | undefined {
  const written = required(resolve, 'function', reporter);
  const [schema, name] = (written?.argument ?? '').split('.');
  if (written === undefined || schema === undefined) return undefined;
  if (name !== undefined) return { schema, name };
  misfit(written, 'function', 'its name needs the schema, "mail.better_of"', reporter);
  return undefined;
}

function checkOwner({ resolve }: Resolve, draft: EntityDraft, reporter: ModelReporter): void {
  if (isOwned(draft)) return;
  const reason = `rows of "${draft.name}" have no owner: say which by "crp:ownership"`;
  misfit(resolve, 'resolve', reason, reporter);
}

/** The mean of floats has no exact text form that merge and PostgreSQL share. */
function checkMean({ resolve, columns }: Resolve, reporter: ModelReporter): void {
  const float = columns.find(({ sqlType }) => /^(real|double precision|float)/.test(sqlType ?? ''));
  if (float === undefined) return;
  const reason = `the mean of ${float.path} of type ${float.sqlType} is not exact; take numeric`;
  misfit(resolve, 'resolve', reason, reporter);
}

function required(
  resolve: ExtensionInstance,
  name: string,
  reporter: ModelReporter,
): ExtensionInstance | undefined {
  const found = crpChild(resolve, name);
  if (found === undefined) {
    const names = { statement: name, parent: `crp:${resolve.name}` };
    reporter.report('missing-crp', argumentSpan(resolve.statement), names);
  }
  return found;
}
