/** The strict profile of our own models: what YANG allows and a replicated store cannot keep. */
import type { SchemaNode } from '../../yang/schema.ts';
import type { Module } from '../../yang/schema-modules.ts';
import { argumentSpan, findSubstatement, keywordSpan } from '../../yang/statement.ts';
import type { ModelReporter } from '../diagnostics/diagnostic-codes.ts';
import type { EntityDraft } from './draft.ts';

/** Checks what concerns a module as a whole. */
export function checkModule(module: Module, reporter: ModelReporter): void {
  const parameters = { module: module.name };
  if (module.yangVersion !== '1.1') {
    const hint = 'Write "yang-version 1.1;" at its beginning.';
    reporter.report('old-yang', keywordSpan(module.statement), parameters, { hint });
  }
  if (module.revision === undefined) {
    const hint =
      'A model needs a revision: sites compare it, and every change of the model gets a new one.';
    reporter.report('no-revision', keywordSpan(module.statement), parameters, { hint });
  }
  for (const deviation of module.deviations) {
    const hint =
      'Change the model itself; other models are changed by "augment" and "crp:annotate".';
    reporter.report('deviation', keywordSpan(deviation), parameters, { hint });
  }
}

/** Numbers of entries: of an entity they are rules on several rows, which merging breaks. */
export function checkEntryCounts(draft: EntityDraft, reporter: ModelReporter): void {
  const { node } = draft;
  const report = (keyword: 'min-elements' | 'max-elements', value: number, story: string): void => {
    const statement = findSubstatement(node.statement, keyword);
    const span = statement === undefined ? keywordSpan(node.statement) : argumentSpan(statement);
    const hint = `${story} Leave it out: the number of rows is not kept when sites merge.`;
    const names = { bound: `${keyword} ${value}`, name: node.name };
    reporter.report('entry-count', span, names, { hint });
  };
  if (node.minElements > 0) {
    report(
      'min-elements',
      node.minElements,
      'Site A and site B each delete another one of the last rows.',
    );
  }
  if (node.maxElements !== 'unbounded') {
    report(
      'max-elements',
      node.maxElements,
      'Site A and site B each insert the last row that is allowed.',
    );
  }
}

/** Lists in the order of the user: there is no order of rows in a table. */
export function checkOrder(draft: EntityDraft, reporter: ModelReporter): void {
  const { node } = draft;
  if (node.orderedBy !== 'user') return;
  const hint = 'Leave out "ordered-by user" and give the entity a leaf to sort by.';
  reporter.report('ordered-by-user', orderSpan(node), { name: node.name }, { hint });
}

function orderSpan(node: SchemaNode) {
  const statement = findSubstatement(node.statement, 'ordered-by');
  return statement === undefined ? keywordSpan(node.statement) : argumentSpan(statement);
}
