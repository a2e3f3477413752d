/** Where a leafref leads, in terms of keys: the shapes that are foreign keys. */
import type { BoundXPath, LeafrefType, ListNode, SchemaNode } from '../yang/schema.ts';
import type { Expression, PathExpression, Step } from '../yang/xpath/ast.ts';
import type { ColumnDraft, EntityDraft } from './draft.ts';
import { columnOf } from './draft.ts';
import { NotInRow } from './xpath-values.ts';
import { dataParent, pathValue } from './xpath-path.ts';

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
  const given = new Map<string, ColumnDraft>();
  try {
    collect({ path: expression, bound: type.path, draft, drafts }, given);
  } catch (error) {
    if (!(error instanceof NotInRow)) throw error;
    return { reason: error.message };
  }
  const last = columnOf(entity, target);
  if (last?.isKey === true) given.set(last.name, column);
  const keys = entity.columns.filter((one) => one.isKey);
  const missing = keys.filter((key) => !given.has(key.name)).map((key) => key.name);
  if (last?.isKey !== true)
    return { reason: `${target.name} is not part of the key of "${entity.name}"` };
  if (missing.length > 0) {
    return {
      reason: `it says nothing of ${missing.join(', ')}, which is part of the key of "${entity.name}"`,
    };
  }
  return { entity, pairs: keys.map((key) => [given.get(key.name)!, key.name]) };
}

interface Collect {
  path: PathExpression;
  bound: BoundXPath;
  draft: EntityDraft;
  drafts: readonly EntityDraft[];
}

/** The own columns that the path gives for key columns of the entities that it goes through. */
function collect(work: Collect, given: Map<string, ColumnDraft>): void {
  const { path, bound, draft, drafts } = work;
  let at: SchemaNode | undefined = path.absolute ? undefined : bound.context;
  for (const step of path.steps) {
    if (step.axis === 'parent') {
      at = at && dataParent(at);
      continue;
    }
    const before: SchemaNode | undefined = at;
    at = (bound.targets.get(step) ?? []).find((node) => dataParent(node) === before);
    if (at?.kind !== 'list') continue;
    const entity = drafts.find((other) => other.node === at);
    if (entity === undefined) throw new NotInRow(`list "${at.name}" is not an entity`, step);
    // Below a list that this entity is in too, its key is the own inherited one.
    for (const [key, own] of sharedKeys(before, draft, entity)) given.set(key, own);
    for (const predicate of step.predicates)
      addPredicate({ ...work, entity, list: at }, predicate, given);
  }
}

/** Key columns that `entity` and `draft` inherit from the same entity around both. */
function sharedKeys(
  around: SchemaNode | undefined,
  draft: EntityDraft,
  entity: EntityDraft,
): [string, ColumnDraft][] {
  const shared: [string, ColumnDraft][] = [];
  for (const key of entity.columns.filter((column) => column.inherited !== undefined)) {
    const list = dataParent(key.node);
    let at: SchemaNode | undefined = around;
    while (at !== undefined && at !== list) at = dataParent(at);
    const own = draft.columns.find((column) => column.node === key.node);
    if (at !== undefined && own !== undefined) shared.push([key.name, own]);
  }
  return shared;
}

function addPredicate(
  work: Collect & { entity: EntityDraft; list: ListNode },
  predicate: Expression,
  given: Map<string, ColumnDraft>,
): void {
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
  given.set(key.name, value.column);
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
