/** Leaf-lists as sets whose values are added and removed one by one: what such a group must be. */
import { argumentSpan, findSubstatement, keywordSpan } from '../../yang/statement.ts';
import type { ModelReporter } from '../diagnostics/diagnostic-codes.ts';
import type { ColumnDraft } from '../draft/draft.ts';
import type { SetMethod } from '../ir/ir-resolution.ts';
import type { Resolve } from './monotonic.ts';

/** True for the methods that merge the elements of an array one by one. */
export function isSetMethod(method: string): method is SetMethod {
  return method === 'add-wins' || method === 'remove-wins';
}

/** Checks that the group is one leaf-list, with no bound that two valid sets could break together. */
export function checkSet(set: Resolve & { group: string }, reporter: ModelReporter): void {
  const { resolve, method, columns, group } = set;
  if (columns.length !== 1) {
    const hint = `Write "crp:resolve" in each leaf-list itself: it is then a group of its own.`;
    const list = columns.map(({ path }) => `"${path}"`).join(', ');
    const names = { method, group, columns: list || 'no column' };
    reporter.report('set-group', argumentSpan(resolve.statement), names, { hint });
  }
  for (const column of columns) checkCounts(column, reporter);
}

function checkCounts({ node }: ColumnDraft, reporter: ModelReporter): void {
  if (node.kind !== 'leaf-list') return;
  const report = (keyword: 'min-elements' | 'max-elements', value: number, story: string): void => {
    const statement = findSubstatement(node.statement, keyword);
    const span = statement === undefined ? keywordSpan(node.statement) : argumentSpan(statement);
    const hint = `${story} Leave it out, or let the whole list merge as one value.`;
    reporter.report(
      'entry-count',
      span,
      { bound: `${keyword} ${value}`, name: node.name },
      { hint },
    );
  };
  if (node.minElements > 0) {
    const story = 'Site A and site B each remove another one of the last values.';
    report('min-elements', node.minElements, story);
  }
  if (node.maxElements !== 'unbounded') {
    const story = 'Site A and site B each add the last value that is allowed.';
    report('max-elements', node.maxElements, story);
  }
}
