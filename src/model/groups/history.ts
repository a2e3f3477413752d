/** Which entities keep history, and the rules that need it: of deletes and of keys that clash. */
import type { ExtensionInstance } from '../../yang/schema-modules.ts';
import { crpChild } from '../statements/crp-reader.ts';
import type { ModelReporter } from '../diagnostics/diagnostic-codes.ts';
import type { EntityDraft } from '../draft/draft.ts';
import type { Entity } from '../ir/ir.ts';
import type { DeleteRule } from '../ir/ir-resolution.ts';
import { misfit } from './monotonic.ts';
import { sqlName } from '../ir/names.ts';

/** What the IR says of an entity that has its groups; empty for one that keeps none. */
export function historyOf(
  draft: EntityDraft,
  reporter: ModelReporter,
): Pick<Entity, 'history' | 'onDeleteUpdate' | 'onKeyClash'> {
  const onDelete = crpChild(draft.statement, 'on-delete-update');
  const onDeleteUpdate = ruleOf(onDelete);
  if (onDeleteUpdate !== undefined) checkDeleteRule(onDelete!, draft, reporter);
  const earliest = crpChild(draft.statement, 'on-unique-clash')?.argument === 'earliest';
  const ordered = draft.groups.some((group) => group.method === 'ordered');
  if (!ordered && onDeleteUpdate === undefined && !earliest) return {};
  return {
    // As of tombstones: those of all models are in one schema.
    history: sqlName(draft.table.schema, draft.table.name, 'history'),
    ...(onDeleteUpdate === undefined ? {} : { onDeleteUpdate }),
    ...(earliest ? { onKeyClash: 'earliest' as const } : {}),
  };
}

function ruleOf(statement: ExtensionInstance | undefined): DeleteRule | undefined {
  const rule = statement?.argument;
  return rule === 'update' || rule === 'latest' || rule === 'park' ? rule : undefined;
}

function checkDeleteRule(
  statement: ExtensionInstance,
  draft: EntityDraft,
  reporter: ModelReporter,
): void {
  if (draft.counters.length === 0) return;
  const reason = 'the shares of a counter are gone with the row, and would not come back with it';
  misfit(statement, 'on-delete-update', reason, reporter);
}
