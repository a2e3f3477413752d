import type { Statement } from '../statement.ts';
import type { Expression } from '../xpath/ast.ts';
import { parseXPath } from '../xpath/parser.ts';
import { lookUp } from './session.ts';
import type { ModuleUnit, Scope, Unit } from './unit.ts';
import { splitName } from './unit.ts';
import { Reporter } from '../reporter.ts';

/**
 * Marks modules as implemented: the given ones, and those whose data nodes they augment, deviate or refer
 * to, which then exist too (RFC 7950 §5.6.5).
 */
export function markImplemented(roots: readonly ModuleUnit[]): void {
  const queue = [...roots];
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    if (next.module.implemented) continue;
    next.module.implemented = true;
    const found = new Set<ModuleUnit>();
    const seen = new Set<Statement>();
    for (const unit of next.units) collect(unit.root, { scope: unit.scope, found, seen });
    queue.push(...found);
  }
}

interface Collection {
  scope: Scope;
  found: Set<ModuleUnit>;
  seen: Set<Statement>;
}

/** Modules whose nodes are named below a statement, or in a grouping that is used there. */
function collect(statement: Statement, collection: Collection): void {
  for (const child of statement.substatements) {
    if (child.prefix !== undefined) continue;
    // A grouping matters where it is used.
    if (child.keyword !== 'grouping') collect(child, collection);
    if (child.argument === undefined) continue;
    collectNames(child, child.argument, collection);
  }
}

function collectNames(statement: Statement, argument: string, collection: Collection): void {
  const { unit } = collection.scope;
  switch (statement.keyword) {
    case 'augment':
    case 'deviation':
      for (const name of argument.split('/')) add(collection, unit, splitName(name).prefix);
      return;
    case 'must':
    case 'when':
    case 'path': {
      const parsed = parseXPath(argument);
      if (parsed.ok) for (const prefix of prefixesIn(parsed.value)) add(collection, unit, prefix);
      return;
    }
    case 'uses':
      collectDefinition('grouping', argument, collection);
      return;
    case 'type':
      collectDefinition('typedef', argument, collection);
  }
}

function add({ found }: Collection, unit: Unit, prefix: string | undefined): void {
  const module = prefix === undefined ? undefined : unit.imports.get(prefix);
  if (module !== undefined) found.add(module);
}

/** What a grouping or typedef of another module names, as if it stood where it is used. */
function collectDefinition(
  kind: 'grouping' | 'typedef',
  argument: string,
  collection: Collection,
): void {
  const { scope } = collection;
  const span = { start: scope.unit.root.position, end: scope.unit.root.position };
  const { prefix, name } = splitName(argument);
  if (kind === 'typedef' && prefix === undefined && scope.typedef(name) === undefined) return;
  // What is wrong with the name is reported when it is resolved.
  const found = lookUp({ reporter: new Reporter() }, kind, { prefix, name, span, scope });
  if (found === undefined || collection.seen.has(found.statement)) return;
  collection.seen.add(found.statement);
  collect(found.statement, { ...collection, scope: found.scope.inside(found.statement) });
}

function prefixesIn(expression: Expression): string[] {
  switch (expression.kind) {
    case 'binary':
    case 'union':
      return [...prefixesIn(expression.left), ...prefixesIn(expression.right)];
    case 'negate':
      return prefixesIn(expression.operand);
    case 'call':
      return expression.arguments.flatMap(prefixesIn);
    case 'filter':
      return [...prefixesIn(expression.primary), ...expression.predicates.flatMap(prefixesIn)];
    case 'path': {
      const start = expression.start === undefined ? [] : prefixesIn(expression.start);
      const steps = expression.steps.flatMap(({ test, predicates }) => [
        ...(test.kind === 'name' && test.prefix !== undefined ? [test.prefix] : []),
        ...predicates.flatMap(prefixesIn),
      ]);
      return [...start, ...steps];
    }
    default:
      return [];
  }
}
