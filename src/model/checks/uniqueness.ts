/** Unique constraints (RFC 7950 §7.8.3), and what the model says of two rows that clash when merged. */
import type { ListUnique } from '../../yang/schema.ts';
import type { ExtensionInstance } from '../../yang/schema-modules.ts';
import { argumentSpan } from '../../yang/statement.ts';
import { spanOf } from '../../yang/source.ts';
import { crpChild, crpOne } from '../statements/crp-reader.ts';
import type { ModelReporter } from '../diagnostics/diagnostic-codes.ts';
import { clashRule } from './clash-rule.ts';
import type { EntityDraft } from '../draft/draft.ts';
import { columnOf } from '../draft/draft.ts';
import { CLASH_OF_KEYS, CLASH_OF_UNIQUES } from '../statements/engine.ts';
import { sqlName } from '../ir/names.ts';

/** Fills in the unique constraints of an entity that has its columns. */
export function addUniques(draft: EntityDraft, reporter: ModelReporter): void {
  const forKey = crpChild(draft.statement, 'on-unique-clash');
  if (forKey !== undefined) checkAvailable(forKey, CLASH_OF_KEYS, reporter);
  for (const unique of draft.node.uniques) addUnique(draft, unique, reporter);
}

function addUnique(draft: EntityDraft, unique: ListUnique, reporter: ModelReporter): void {
  // Unique among the entries of one list: those with the same entity around them.
  const columns = draft.columns
    .filter((column) => column.inherited !== undefined)
    .map((column) => column.name);
  for (const leaf of unique.leafs) {
    const column = columnOf(draft, leaf);
    if (column !== undefined) columns.push(column.name);
    else {
      const hint = 'Make the leaf part of this entity, or drop it from "unique".';
      reporter.report(
        'unique-column',
        argumentSpan(unique.statement),
        { name: leaf.name },
        { hint },
      );
    }
  }
  const clash = crpOne(unique, 'on-unique-clash');
  if (clash === undefined && draft.local) {
    // All rows are of one site: nothing is merged.
  } else if (clash === undefined) {
    const hint =
      `Site A and site B insert rows of "${draft.name}" with different keys and the same ${unique.text}. ` +
      'Say what becomes of them: crp:on-unique-clash "park" leaves the one that arrives to an operator.';
    const names = { columns: `"${unique.text}"`, entity: draft.name };
    reporter.report('unique-clash', spanOf(unique.position, 6), names, { hint });
  } else checkAvailable(clash, CLASH_OF_UNIQUES, reporter);
  const name = sqlName(draft.table.name, ...columns, 'key');
  draft.uniques.push({ name, columns, ...clashRule(draft, { columns, clash }, reporter) });
}

function checkAvailable(
  clash: ExtensionInstance,
  available: readonly string[],
  reporter: ModelReporter,
): void {
  if (clash.argument === undefined || available.includes(clash.argument)) return;
  const where = available === CLASH_OF_KEYS ? 'the key' : '"unique"';
  const what = `on-unique-clash "${clash.argument}" for ${where}`;
  const expected = available.map((one) => `"${one}"`).join(' or ');
  reporter.report('unavailable', argumentSpan(clash.statement), { what }, { expected });
}
