/** Location paths of conditions: the column of the row that a path leads to. */
import type { BoundXPath, SchemaNode } from '../../yang/schema.ts';
import type { PathExpression, Step } from '../../yang/xpath/ast.ts';
import type { EntityDraft } from '../draft/draft.ts';
import { columnOf } from '../draft/draft.ts';
import { ident } from '../ir/names.ts';
import type { SqlValue } from './xpath-values.ts';
import { NotInRow } from './xpath-values.ts';

/** The parent among data nodes: choices and cases are no steps of XPath (RFC 7950 §6.4.1). */
export function dataParent(node: SchemaNode): SchemaNode | undefined {
  let at = node.parent;
  while (at !== undefined && (at.kind === 'choice' || at.kind === 'case')) at = at.parent;
  return at;
}

/** The value at the end of a path that starts at the context node; it must stay in the entity's row. */
export function pathValue(path: PathExpression, bound: BoundXPath, draft: EntityDraft): SqlValue {
  if (path.absolute) {
    throw new NotInRow('an absolute path selects the nodes of all rows', path);
  }
  const { start } = path;
  const isCurrent = start?.kind === 'call' && start.name === 'current';
  if (start !== undefined && !isCurrent) {
    throw new NotInRow('a path can only start at the node itself or at current()', start);
  }
  let at = bound.context;
  for (const step of path.steps) at = take(step, at, { bound, draft });
  return valueOf(at, path, draft);
}

function take(
  step: Step,
  from: SchemaNode | undefined,
  scope: { bound: BoundXPath; draft: EntityDraft },
): SchemaNode | undefined {
  if (step.predicates.length > 0) throw new NotInRow('it selects rows by a predicate', step);
  switch (step.axis) {
    case 'self':
      return from;
    case 'parent':
      return from === undefined ? undefined : dataParent(from);
    case 'child': {
      const targets = scope.bound.targets.get(step) ?? [];
      const child = targets.find((node) => dataParent(node) === from);
      if (child === undefined) throw new NotInRow('the step has no node in this row', step);
      if (child.kind === 'list') {
        const other =
          child === scope.draft.node ? 'other rows of the entity' : `list "${child.name}"`;
        throw new NotInRow(`it looks at ${other}`, step);
      }
      return child;
    }
    default:
      throw new NotInRow(`axis "${step.axis}" looks beyond the row`, step);
  }
}

function valueOf(node: SchemaNode | undefined, path: PathExpression, draft: EntityDraft): SqlValue {
  const column = node && columnOf(draft, node);
  if (column !== undefined) {
    const kind = node!.kind === 'leaf-list' ? 'array' : 'column';
    return { kind, column, sql: ident(column.name) };
  }
  if (node?.kind === 'container' && isWithin(node, draft.node)) return { kind: 'present' };
  if (node === draft.node) return { kind: 'present' };
  const name = node === undefined ? 'the root' : `"${node.name}"`;
  throw new NotInRow(`${name} is not a column of entity "${draft.name}"`, path);
}

/** The node is below the entity's list. */
export function isWithin(node: SchemaNode, list: SchemaNode): boolean {
  for (let at: SchemaNode | undefined = node; at !== undefined; at = at.parent) {
    if (at === list) return true;
  }
  return false;
}
