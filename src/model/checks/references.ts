/**
 * Foreign keys: of an inner entity to the one around it, and of leafrefs (RFC 7950 §9.9) that lead to the
 * key of an entity. What merging may do to them has to be said in the model (crp:on-orphan).
 */
import type { LeafNode } from '../../yang/schema.ts';
import type { LeafrefType } from '../../yang/schema-types.ts';
import type { ExtensionInstance } from '../../yang/schema-modules.ts';
import { argumentSpan, findSubstatement } from '../../yang/statement.ts';
import type { Span } from '../../yang/source.ts';
import { spanOf } from '../../yang/source.ts';
import { isReplaceable } from './clash-rule.ts';
import { crpChild } from '../statements/crp-reader.ts';
import type { CrpReader } from '../statements/crp-reader.ts';
import type { ModelReporter } from '../diagnostics/diagnostic-codes.ts';
import type { ColumnDraft, EntityDraft } from '../draft/draft.ts';
import { nodeSpan } from '../draft/draft.ts';
import type { Reference } from '../ir/ir.ts';
import { followReference } from '../xpath/leafref-path.ts';
import { sqlName } from '../ir/names.ts';

export interface ReferenceContext {
  crp: CrpReader;
  reporter: ModelReporter;
  /** All entities of the model. */
  drafts: readonly EntityDraft[];
}

/** Fills in the references of an entity; all entities must have their columns. */
export function addReferences(draft: EntityDraft, context: ReferenceContext): void {
  if (draft.parent !== undefined) addParent(draft, draft.parent, context);
  for (const column of draft.columns) {
    if (column.node.kind !== 'leaf' || column.inherited !== undefined) continue;
    const { type } = column.node;
    if (type.base === 'leafref' && type.requireInstance) {
      addLeafref({ draft, column, node: column.node, type }, context);
    }
  }
}

function addParent(draft: EntityDraft, parent: EntityDraft, context: ReferenceContext): void {
  const inherited = draft.columns.filter((column) => column.inherited !== undefined);
  const onDelete = crpChild(draft.statement, 'on-delete');
  const onOrphan = crpChild(draft.statement, 'on-orphan');
  requireOrphanRule({ draft, target: parent, onOrphan, span: nodeSpan(draft.node) }, context);
  draft.references.push({
    name: sqlName(draft.table.name, parent.name, 'fkey'),
    columns: inherited.map((column) => column.name),
    target: {
      entity: parent.name,
      columns: inherited.map((column) => column.inherited!.column),
    },
    onDelete: deleteAction(onDelete, 'cascade', { draft, columns: inherited }, context.reporter),
    ...orphanRule(onOrphan, { draft, columns: inherited }, context.reporter),
  });
}

function addLeafref(
  from: { draft: EntityDraft; column: ColumnDraft; node: LeafNode; type: LeafrefType },
  context: ReferenceContext,
): void {
  const { draft, column, node, type } = from;
  const { reporter, crp } = context;
  const found = followReference(from, context.drafts);
  if ('reason' in found) {
    const path = findSubstatement(type.statement, 'path');
    const span = path === undefined ? spanOf(type.position, 4) : argumentSpan(path);
    const hint = 'Add "require-instance false" to keep the value without the guarantee.';
    const parameters = { path: type.path.text, reason: found.reason };
    return reporter.report('reference-shape', span, parameters, { hint });
  }
  if (found.entity.local && !draft.local) {
    const path = findSubstatement(type.statement, 'path')!;
    const reason = `the rows of "${found.entity.name}" are at one site only`;
    const parameters = { path: type.path.text, reason };
    return reporter.report('reference-shape', argumentSpan(path), parameters);
  }
  const onOrphan = crp.one(node, 'on-orphan');
  requireOrphanRule({ draft, target: found.entity, onOrphan, span: nodeSpan(node) }, context);
  const onDelete = crp.one(node, 'on-delete');
  draft.references.push({
    name: sqlName(draft.table.name, column.name, 'fkey'),
    columns: found.pairs.map(([own]) => own.name),
    target: { entity: found.entity.name, columns: found.pairs.map(([, target]) => target) },
    onDelete: deleteAction(onDelete, 'restrict', { draft, columns: [column] }, reporter),
    ...orphanRule(onOrphan, { draft, columns: [column] }, reporter),
  });
}

function deleteAction(
  statement: ExtensionInstance | undefined,
  fallback: Reference['onDelete'],
  from: { draft: EntityDraft; columns: readonly ColumnDraft[] },
  reporter: ModelReporter,
): Reference['onDelete'] {
  const written = statement?.argument;
  if (written !== 'set-null') {
    return written === 'restrict' || written === 'cascade' ? written : fallback;
  }
  const fixed = from.columns.find((column) => column.notNull);
  if (fixed === undefined) return 'set null';
  const reason = `${fixed.path} must always have a value`;
  const span = argumentSpan(statement!.statement);
  reporter.report('crp-does-not-fit', span, { statement: 'on-delete', reason });
  return fallback;
}

/** What a site does with a row whose target is gone when it has merged; `keep` is not said in the IR. */
function orphanRule(
  statement: ExtensionInstance | undefined,
  from: { draft: EntityDraft; columns: readonly ColumnDraft[] },
  reporter: ModelReporter,
): Pick<Reference, 'onOrphan'> {
  switch (statement?.argument) {
    case 'delete':
    case 'restore':
    case 'park':
      return { onOrphan: statement.argument };
    case 'set-null': {
      const reason = fixedReason(from);
      if (reason === undefined) return { onOrphan: 'set null' };
      const span = argumentSpan(statement.statement);
      reporter.report('crp-does-not-fit', span, { statement: 'on-orphan', reason });
      return {};
    }
    default:
      return {};
  }
}

function fixedReason(from: {
  draft: EntityDraft;
  columns: readonly ColumnDraft[];
}): string | undefined {
  const fixed = from.columns.find((column) => column.notNull || column.isKey);
  if (fixed !== undefined) return `${fixed.path} must always have a value`;
  const held = from.columns.find((column) => !isReplaceable(from.draft, column.name));
  return held && `the method of ${held.path} is not "latest-timestamp"`;
}

/** Deleting the target at one site and referring to it at another are both valid, their sum is not. */
function requireOrphanRule(
  from: {
    draft: EntityDraft;
    target: EntityDraft;
    onOrphan: ExtensionInstance | undefined;
    span: Span;
  },
  { reporter }: ReferenceContext,
): void {
  const { draft, target, span } = from;
  if (from.onOrphan !== undefined || target.local) return;
  const hint =
    `Site A deletes the row of "${target.name}" while site B inserts a row of "${draft.name}" that ` +
    'refers to it. Say what becomes of that row: crp:on-orphan "keep" keeps it until the target is back.';
  reporter.report('orphan', span, { entity: draft.name, target: target.name }, { hint });
}
