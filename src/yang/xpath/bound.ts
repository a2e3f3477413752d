import type { BoundXPath, SchemaNode } from '../schema.ts';
import type { PrefixScope } from '../schema-modules.ts';
import type { Statement } from '../statement.ts';
import { argumentPosition } from '../statement.ts';
import type { Step } from './ast.ts';
import { parseXPath } from './parser.ts';
import { parseLeafrefPath } from './path-argument.ts';

/** The expression of a `path` that is not yet tied to a leaf; undefined when its syntax is wrong. */
export function unboundPath(statement: Statement, scope: PrefixScope): BoundXPath | undefined {
  const parsed = parseLeafrefPath(statement.argument ?? '');
  return parsed.ok
    ? create(statement, { scope, expression: parsed.value, context: undefined })
    : undefined;
}

/** The expression of a `must` or `when` at its context node, still without targets. */
export function contextXPath(
  statement: Statement,
  { scope, context }: { scope: PrefixScope; context: SchemaNode | undefined },
): BoundXPath | undefined {
  const parsed = parseXPath(statement.argument ?? '');
  return parsed.ok ? create(statement, { scope, expression: parsed.value, context }) : undefined;
}

function create(
  statement: Statement,
  rest: Pick<BoundXPath, 'scope' | 'expression' | 'context'>,
): BoundXPath {
  return {
    text: statement.argument ?? '',
    position: argumentPosition(statement),
    positionAt: (offset) => argumentPosition(statement, offset),
    targets: new Map<Step, SchemaNode[]>(),
    ...rest,
  };
}
