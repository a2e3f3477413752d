/**
 * Numbers with a bound (crp:escrow). Such a leaf has no column: a stored value would have to be merged, and
 * merging two values that are both above the bound can give one below it. It becomes two entities in which
 * every row has one writer, so that nothing is ever merged (V. Balegas et al.: Extending Eventually Consistent
 * Cloud Databases for Enforcing Numeric Invariants, SRDS 2015).
 */
import type { LeafNode, SchemaNode } from '../../yang/schema.ts';
import type { ResolvedType } from '../../yang/schema-types.ts';
import type { ExtensionInstance } from '../../yang/schema-modules.ts';
import { argumentSpan } from '../../yang/statement.ts';
import { namesOfScope } from '../../yang/types/names.ts';
import { readText } from '../../yang/types/read.ts';
import { isIntegerType } from '../types/column-type.ts';
import { crpChild } from '../statements/crp-reader.ts';
import type { CrpReader } from '../statements/crp-reader.ts';
import type { ModelReporter } from '../diagnostics/diagnostic-codes.ts';
import type { CounterDraft, EntityDraft } from '../draft/draft.ts';
import { nodeSpan } from '../draft/draft.ts';
import { sqlName } from '../ir/names.ts';

/** Columns of the counters' tables, and parameters of their functions, besides the entity's key. */
const OWN_NAMES = ['incarnation', 'holder', 'grantee', 'amount', 'site'];
/** Statements about a column, which such a leaf is not. */
const OF_COLUMNS = ['in-group', 'resolve', 'sql-column'];

interface CounterPlace {
  node: LeafNode;
  escrow: ExtensionInstance;
  prefix: readonly string[];
  conditions: readonly SchemaNode[];
}

/** The counter of a leaf; what the leaf says that a counter cannot keep is reported. */
export function readCounter(place: CounterPlace, reporter: ModelReporter): CounterDraft {
  const { node, escrow, prefix } = place;
  const { type } = node;
  const reason = unfit(place) ?? unfitValue(node);
  if (reason !== undefined) refuse(escrow, reason, reporter);
  const bound = reason === undefined ? readBound(place, reporter) : undefined;
  if (bound !== undefined && node.default !== undefined && node.default.canonical !== bound) {
    refuse(escrow, `its value begins at the bound ${bound}, and the default is another`, reporter);
  }
  return {
    name: sqlName(...prefix, node.name),
    path: [...prefix, node.name].join('/'),
    ...{ node, statement: escrow, bound },
    scale: type.base === 'decimal64' ? type.fractionDigits : 0,
  };
}

function unfit({ node, conditions }: CounterPlace): string | undefined {
  if (!isNumber(node.type)) return `the type has to be an integer or decimal64`;
  if (conditions.length > 0) return 'the leaf is not in every row';
  return node.mandatory ? 'its value begins at the bound: leave "mandatory" out' : undefined;
}

function unfitValue({ type, musts }: LeafNode): string | undefined {
  if ('range' in type && type.range !== undefined) {
    return `only crp:bound is kept, not the range "${type.range.text}" of its type`;
  }
  return musts.length > 0 ? 'only crp:bound is kept, not a "must"' : undefined;
}

function isNumber(type: ResolvedType): boolean {
  return isIntegerType(type) || type.base === 'decimal64';
}

/** The bound in canonical form. That there is one at all, the grammar has checked. */
function readBound({ node, escrow }: CounterPlace, reporter: ModelReporter): string | undefined {
  const bound = crpChild(escrow, 'bound');
  if (bound?.argument === undefined) return undefined;
  const read = readText(node.type, bound.argument, namesOfScope(bound.scope));
  if (read.ok) return read.value.canonical;
  const names = { statement: 'bound', argument: bound.argument };
  const hint =
    'The bound is a number. One that is in a row could be raised at a site while others take what it forbids.';
  reporter.report('bad-crp-argument', argumentSpan(bound.statement), names, {
    expected: `a value of type ${node.type.base}`,
    hint,
  });
  return undefined;
}

function refuse(statement: ExtensionInstance, reason: string, reporter: ModelReporter): void {
  const names = { statement: statement.name, reason };
  reporter.report('crp-does-not-fit', argumentSpan(statement.statement), names);
}

/** Checks what can be known when the entity has its columns: names, and statements that say nothing. */
export function checkCounters(
  draft: EntityDraft,
  { crp, reporter }: { crp: CrpReader; reporter: ModelReporter },
): void {
  for (const counter of draft.counters) {
    const { node, statement } = counter;
    for (const name of OF_COLUMNS) {
      const found = crp.one(node, name);
      if (found !== undefined) refuse(found, 'a leaf with crp:escrow has no column', reporter);
    }
    if (crpChild(crpChild(draft.statement, 'sql-table'), 'adopt')?.argument === 'table') {
      refuse(statement, 'the columns of an adopted table belong to its program', reporter);
    }
    checkNames(draft, counter, reporter);
  }
}

function checkNames(draft: EntityDraft, counter: CounterDraft, reporter: ModelReporter): void {
  const same = draft.columns.find((column) => column.name === counter.name);
  if (same !== undefined) {
    const names = { kind: 'column', name: counter.name, one: same.path, other: counter.path };
    reporter.report('name-clash', nodeSpan(counter.node), names);
  }
  for (const { name } of counterKey(draft)) {
    if (!OWN_NAMES.includes(name)) continue;
    const reason = `its tables have a column "${name}", as the key has: name that one with crp:sql-column`;
    refuse(counter.statement, reason, reporter);
  }
}

/** The entity's key as its counters have it: named as the key of an inner entity would be. */
export function counterKey(draft: EntityDraft): { name: string; target: string }[] {
  const keys = draft.columns.filter((column) => column.isKey);
  const own = keys.filter((column) => column.inherited === undefined);
  return keys.map((key) => {
    const plain = own.length === 1 ? sqlName(draft.name) : sqlName(draft.name, key.name);
    return { name: key.inherited === undefined ? plain : key.name, target: key.name };
  });
}
