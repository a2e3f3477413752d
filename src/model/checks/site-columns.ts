/** What is not replicated, or not shown: crp:site-local, crp:derived and crp:secret, and where they do not fit. */
import type { SchemaNode } from '../../yang/schema.ts';
import type { ExtensionInstance } from '../../yang/schema-modules.ts';
import { argumentSpan, keywordSpan } from '../../yang/statement.ts';
import type { CrpReader } from '../statements/crp-reader.ts';
import { crpChildren } from '../statements/crp-reader.ts';
import type { ModelReporter } from '../diagnostics/diagnostic-codes.ts';
import type { ColumnDraft, EntityDraft } from '../draft/draft.ts';
import type { CheckDraft } from './row-checks.ts';

interface Context {
  crp: CrpReader;
  reporter: ModelReporter;
}

/** Statements of an entity that are about merging, or about what other sites write. */
const OF_REPLICATION = [
  ...['ownership', 'column-group', 'resolve', 'on-delete-update', 'on-unique-clash'],
  ...['expires-at', 'append-only', 'claim', 'after-apply', 'backup'],
];
/** Statements of a column about merging. */
const OF_MERGING = ['in-group', 'resolve'];

/** Checks an entity that has its columns and groups. */
export function checkSiteColumns(draft: EntityDraft, context: Context): void {
  if (draft.local) checkLocalEntity(draft, context);
  for (const column of draft.columns) {
    if (column.inherited !== undefined) continue;
    for (const [name, reason] of misfits(draft, column)) {
      refuse(inEffect(draft, { node: column.node, name }, context), reason, context.reporter);
    }
  }
  for (const { node } of draft.counters) {
    for (const name of ['site-local', 'derived', 'secret']) {
      const reason = 'a leaf with crp:escrow has no column';
      refuse(inEffect(draft, { node, name }, context), reason, context.reporter);
    }
  }
}

/** The statement at the node or, since crp:site-local holds for all that is below, at a container around it. */
function inEffect(
  draft: EntityDraft,
  { node, name }: { node: SchemaNode; name: string },
  { crp }: Context,
): ExtensionInstance | undefined {
  let at: SchemaNode | undefined = node;
  for (; at !== undefined && at !== draft.node; at = at.parent) {
    const found = crp.one(at, name);
    if (found !== undefined || name !== 'site-local') return found;
  }
  return undefined;
}

function checkLocalEntity(draft: EntityDraft, { reporter }: Context): void {
  for (const name of OF_REPLICATION) {
    for (const statement of crpChildren(draft.statement, name)) {
      refuse(statement, 'the entity is crp:site-local: nothing of it is replicated', reporter);
    }
  }
  for (const { statement } of draft.counters) {
    refuse(statement, 'the shares of sites have to be replicated', reporter);
  }
}

/** Names of statements at the column that do not fit there, each with the reason. */
function misfits(draft: EntityDraft, column: ColumnDraft): [name: string, reason: string][] {
  if (column.isKey) {
    const reason = 'the key is what sites know a row by';
    return ['site-local', 'derived', 'secret'].map((name) => [name, reason]);
  }
  const found: [string, string][] = [];
  const kind = column.derived === undefined ? 'site-local' : 'derived';
  if (!column.local && column.derived === undefined) return found;
  if (draft.node.uniques.some((unique) => unique.leafs.some((leaf) => leaf === column.node))) {
    found.push([kind, '"unique" could be broken by rows of other sites, which come without it']);
  }
  if (isReference(column)) {
    found.push([
      kind,
      'a delete at another site could take its target; add "require-instance false"',
    ]);
  }
  for (const name of OF_MERGING) found.push([name, `the column is crp:${kind} and never merged`]);
  if (column.local && column.notNull && column.default === undefined && !draft.local) {
    found.push(['site-local', 'rows of other sites come without it: give it a default']);
  }
  if (column.derived === undefined) return found;
  if (column.local) found.push(['site-local', 'a derived column is at every site']);
  const other = namedDerived(draft, column);
  if (other !== undefined) found.push(['derived', `"${other.name}" in it is derived itself`]);
  if (column.node.kind === 'leaf' && column.node.default !== undefined) {
    found.push(['derived', 'a derived leaf has no default']);
  }
  return found;
}

function isReference({ node }: ColumnDraft): boolean {
  return node.kind === 'leaf' && node.type.base === 'leafref' && node.type.requireInstance;
}

/** Neither a generated column nor a trigger has the value of another derived column yet. */
function namedDerived(draft: EntityDraft, column: ColumnDraft): ColumnDraft | undefined {
  const words = new Set(column.derived!.split(/[^\w$]+/));
  return draft.columns.find(
    (other) => other !== column && other.derived !== undefined && words.has(other.name),
  );
}

/** A condition over what is replicated and what is not is a condition on two rows that merge separately. */
export function checkMixed(check: CheckDraft, reporter: ModelReporter): void {
  const own = check.columns.find((column) => column.local || column.derived !== undefined);
  const others = check.columns.filter((column) => !column.local && column.derived === undefined);
  if (own === undefined || (others.length === 0 && own.derived === undefined)) return;
  const kind = own.derived === undefined ? 'site-local' : 'derived';
  const hint =
    kind === 'site-local'
      ? `Rows of other sites come without ${own.name}: each write keeps the condition, the row here may not.`
      : `Say it of the columns that ${own.name} is computed from.`;
  const names = new Set(others.map((column) => `"${column.name}"`));
  const groups = [`${kind} "${own.name}"`, ...names].join(' and ');
  reporter.report('check-across-groups', check.span, { condition: check.title, groups }, { hint });
}

function refuse(
  statement: ExtensionInstance | undefined,
  reason: string,
  reporter: ModelReporter,
): void {
  if (statement === undefined) return;
  const at = statement.statement;
  const span = statement.argument === undefined ? keywordSpan(at) : argumentSpan(at);
  reporter.report('crp-does-not-fit', span, { statement: statement.name, reason });
}
