/** Where a leafref leads, in terms of keys: the shapes that are foreign keys. */
import type { BoundXPath, SchemaNode } from '../../yang/schema.ts';
import type { LeafrefType } from '../../yang/schema-types.ts';
import type { Expression, PathExpression, Step } from '../../yang/xpath/ast.ts';
import type { ColumnDraft, EntityDraft } from '../draft/draft.ts';
import { columnOf } from '../draft/draft.ts';
import { NotInRow } from './xpath-values.ts';
import { dataParent, isWithin, pathValue } from './xpath-path.ts';

export interface FoundReference {
  entity: EntityDraft;
  /** Own column and the target's key column, in the order of the target's key. */
  pairs: [ColumnDraft, string][];
}

/**
 * Follows a leafref to an entity's key. Each key column of the target must be given: by the leafref itself,
 * by a predicate `[name = current()/../leaf]`, or by being the key of an entity that both are in.
 */
export function followReference(
  from: { draft: EntityDraft; column: ColumnDraft; type: LeafrefType },
  drafts: readonly EntityDraft[],
): FoundReference | { reason: string } {
  const { type, draft, column } = from;
  const target = type.target;
  const list = target && dataParent(target);
  const entity = drafts.find((other) => other.node === list);
  if (target === undefined || entity === undefined) {
    return { reason: 'it does not lead to a leaf of an entity of this model' };
  }
  const expression = type.path.expression;
  if (expression.kind !== 'path') return { reason: 'it is not a simple path' };
  const given: Given = new Map();
  try {
    collect({ path: expression, bound: type.path, draft, drafts, entity }, given);
  } catch (error) {
    if (!(error instanceof NotInRow)) throw error;
    return { reason: error.message };
  }
  const last = columnOf(entity, target);
  if (last?.isKey === true) given.set(target, column);
  const keys = entity.columns.filter((one) => one.isKey);
  const missing = keys.filter((key) => !given.has(key.node)).map((key) => key.name);
  if (last?.isKey !== true)
    return { reason: `${target.name} is not part of the key of "${entity.name}"` };
  if (missing.length > 0) {
    return {
      reason: `it says nothing of ${missing.join(', ')}, which is part of the key of "${entity.name}"`,
    };
  }
  return { entity, pairs: keys.map((key) => [given.get(key.node)!, key.name]) };
}

/** The own column with the value of a key leaf of the target, or of an entity around the target. */
type Given = Map<SchemaNode, ColumnDraft>;

interface Collect {
  path: PathExpression;
  bound: BoundXPath;
  draft: EntityDraft;
  drafts: readonly EntityDraft[];
  /** Where the path leads. */
  entity: EntityDraft;
}

/** What the path says of the target's key: where it stays inside of common entities, and its predicates. */
function collect(work: Collect, given: Given): void {
  const { path, bound, drafts } = work;
  let at: SchemaNode | undefined = path.absolute ? undefined : bound.context;
  const down = path.steps.findIndex((step) => step.axis !== 'parent');
  for (let up = 0; up < down; up++) at = at && dataParent(at);
  shareKeys(at, work, given);
  for (const step of path.steps.slice(down)) {
    const before: SchemaNode | undefined = at;
    at = (bound.targets.get(step) ?? []).find((node) => dataParent(node) === before);
    if (at?.kind !== 'list') continue;
    const entity = drafts.find((other) => other.node === at);
    if (entity === undefined) throw new NotInRow(`list "${at.name}" is not an entity`, step);
    for (const predicate of step.predicates) addPredicate({ ...work, entity }, predicate, given);
  }
}

/** The path turns down at `turn`: the keys of the entities around that node are the own inherited ones. */
function shareKeys(turn: SchemaNode | undefined, work: Collect, given: Given): void {
  for (const key of work.entity.columns.filter((column) => column.inherited !== undefined)) {
    const own = work.draft.columns.find((column) => column.node === key.node);
    const list = dataParent(key.node);
    if (own !== undefined && turn !== undefined && isWithin(turn, list!)) given.set(key.node, own);
  }
}

function addPredicate(work: Collect, predicate: Expression, given: Given): void {
  const { bound, draft, entity } = work;
  if (predicate.kind !== 'binary' || predicate.operator !== '=') {
    throw new NotInRow('a predicate is not an equality of a key', predicate);
  }
  const { left, right } = predicate;
  const key = left.kind === 'path' ? keyOf(left.steps.at(-1), bound, entity) : undefined;
  if (key === undefined || right.kind !== 'path') {
    throw new NotInRow('a predicate is not an equality of a key', predicate);
  }
  const value = pathValue(right, bound, draft);
  if (value.kind !== 'column') throw new NotInRow('a predicate compares with no leaf', predicate);
  given.set(key.node, value.column);
}

function keyOf(
  step: Step | undefined,
  bound: BoundXPath,
  entity: EntityDraft,
): ColumnDraft | undefined {
  const targets = step === undefined ? [] : (bound.targets.get(step) ?? []);
  const columns = targets.map((node) => columnOf(entity, node));
  return columns.find((column) => column?.isKey === true);
}
