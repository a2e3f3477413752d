/** Which entities keep history, and the rules that need it: of deletes and of keys that clash. */
import type { ExtensionInstance } from '../../yang/schema-modules.ts';
import { crpChild } from '../statements/crp-reader.ts';
import type { ModelReporter } from '../diagnostics/diagnostic-codes.ts';
import type { EntityDraft } from '../draft/draft.ts';
import type { Entity } from '../ir/ir.ts';
import type { DeleteRule, KeyClashRule } from '../ir/ir-resolution.ts';
import { misfit } from './monotonic.ts';
import { isOwned } from './ownership.ts';
import { sqlName } from '../ir/names.ts';

/** Of two inserts of a key; that the later one stands is no rule that has to be said. */
const KEY_RULES: readonly KeyClashRule[] = ['earliest', 'merge'];

/** What the IR says of an entity that has its groups; empty for one that keeps none. */
export function historyOf(
  draft: EntityDraft,
  reporter: ModelReporter,
): Pick<Entity, 'history' | 'onDeleteUpdate' | 'onKeyClash'> {
  const onDelete = crpChild(draft.statement, 'on-delete-update');
  const onDeleteUpdate = ruleOf(onDelete);
  if (onDeleteUpdate !== undefined) checkDeleteRule(onDelete!, draft, reporter);
  const onClash = crpChild(draft.statement, 'on-unique-clash');
  const onKeyClash = KEY_RULES.find((rule) => rule === onClash?.argument);
  if (onKeyClash === 'merge') checkMerge(onClash!, draft, reporter);
  const ordered = draft.groups.some((group) => group.method === 'ordered');
  if (!ordered && onDeleteUpdate === undefined && onKeyClash === undefined) return {};
  return {
    // As of tombstones: those of all models are in one schema.
    history: sqlName(draft.table.schema, draft.table.name, 'history'),
    ...(onDeleteUpdate === undefined ? {} : { onDeleteUpdate }),
    ...(onKeyClash === undefined ? {} : { onKeyClash }),
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

/** Rules by which a row has to be as one site wrote it. */
function checkMerge(
  statement: ExtensionInstance,
  draft: EntityDraft,
  reporter: ModelReporter,
): void {
  const refuse = (reason: string): void => misfit(statement, 'on-unique-clash', reason, reporter);
  if (draft.counters.length > 0) {
    refuse('the shares of a counter are those of one row: two rows cannot be merged');
  }
  if (crpChild(draft.statement, 'append-only') !== undefined) {
    refuse(
      'rows of an append-only entity are never changed, and a merged one is neither of the two',
    );
  }
  if (isOwned(draft)) {
    refuse('a row that a site owns would get values of a site that does not own it');
  }
}
