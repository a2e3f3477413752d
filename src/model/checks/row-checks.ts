/**
 * The CHECK constraints of an entity: restrictions of types, `must` and `when`, and what choices and
 * containers with presence say of their columns (RFC 7950 §7.5.3, §7.9, §7.21.5).
 */
import type { BoundXPath, Must, SchemaNode } from '../../yang/schema.ts';
import type { Span } from '../../yang/source.ts';
import { spanOf } from '../../yang/source.ts';
import type { ModelReporter } from '../diagnostics/diagnostic-codes.ts';
import type { ColumnDraft, EntityDraft } from '../draft/draft.ts';
import { columnOf, nodeSpan } from '../draft/draft.ts';
import { isOperation } from '../draft/entities.ts';
import { ident, sqlName } from '../ir/names.ts';
import { columnsBelow, existsSql } from '../draft/presence.ts';
import { checkMixed } from './site-columns.ts';
import { structureChecks } from './structure-checks.ts';
import type { SqlCondition } from '../xpath/xpath-sql.ts';
import { conditionSql } from '../xpath/xpath-sql.ts';
import { NotInRow } from '../xpath/xpath-values.ts';

/** Fills in the checks of an entity that has its columns and groups. */
export function addChecks(draft: EntityDraft, reporter: ModelReporter): void {
  const builder = new CheckBuilder(draft, reporter);
  for (const column of draft.columns) builder.type(column);
  builder.conditions(draft.node);
  for (const check of structureChecks(draft)) builder.add(check);
}

/** One check with what is needed to name it and to judge how it merges. */
export interface CheckDraft {
  /** What the name is made of, after the table's. */
  name: string[];
  expression: string;
  columns: readonly ColumnDraft[];
  span: Span;
  /** The condition as its author knows it. */
  title: string;
  message?: string | undefined;
}

class CheckBuilder {
  readonly #draft: EntityDraft;
  readonly #reporter: ModelReporter;
  readonly #names = new Set<string>();

  constructor(draft: EntityDraft, reporter: ModelReporter) {
    this.#draft = draft;
    this.#reporter = reporter;
  }

  /** Inherited keys are checked where they come from. */
  type(column: ColumnDraft): void {
    if (column.inherited !== undefined || column.sqlType !== undefined) return;
    // What it is follows from the rest of the row, at every site.
    if (column.derived !== undefined) return;
    const conditions = column.type.checks(ident(column.name));
    if (conditions.length === 0) return;
    this.add({
      name: [column.name, 'check'],
      expression: conditions.join(' AND '),
      columns: [column],
      span: nodeSpan(column.node),
      title: `the type of ${column.path}`,
    });
  }

  /** `must` and `when` of the nodes that are part of the row. */
  conditions(node: SchemaNode): void {
    if ('musts' in node) node.musts.forEach((must) => this.#must(node, must));
    if (node !== this.#draft.node) node.whens.forEach((when) => this.#when(node, when.xpath));
    for (const child of node.children) {
      if (child.kind !== 'list' && !isOperation(child)) this.conditions(child);
    }
  }

  #must(node: SchemaNode, must: Must): void {
    const condition = this.#condition(must.xpath, must.position);
    if (condition === undefined) return;
    if (node.kind === 'leaf-list' && condition.columns.some((column) => column.node === node)) {
      this.#refuse(must.xpath, must.position, 'it looks at each value of a leaf-list');
      return;
    }
    this.#judgeSets(must, condition.columns);
    // A condition is only asked of what exists.
    const exists = node === this.#draft.node ? 'true' : existsSql(node, this.#draft);
    const guard = exists === 'true' || isPlain(node) ? '' : `NOT ${exists} OR `;
    this.add({
      name: [...(node === this.#draft.node ? [] : [this.#nameOf(node)]), 'must'],
      expression: `${guard}${condition.sql}`,
      columns: [...condition.columns, ...columnsBelow(node, this.#draft, 'own')],
      span: spanOf(must.position, 'must'.length),
      title: must.xpath.text,
      message: must.errorMessage,
    });
  }

  #when(node: SchemaNode, xpath: BoundXPath): void {
    const condition = this.#condition(xpath, xpath.position);
    if (condition === undefined) return;
    const exists = existsSql(node, this.#draft);
    const columns = [...condition.columns, ...columnsBelow(node, this.#draft, 'all')];
    const base = { columns, span: spanOf(xpath.position, 1), title: `when ${xpath.text}` };
    const name = this.#nameOf(node);
    this.add({ ...base, name: [name, 'when'], expression: `NOT ${exists} OR ${condition.sql}` });
    if (!('mandatory' in node) || !node.mandatory) return;
    const needed = `NOT ${condition.sql} OR ${exists}`;
    this.add({ ...base, name: [name, 'needed'], expression: needed });
  }

  #nameOf(node: SchemaNode): string {
    return columnOf(this.#draft, node)?.name ?? sqlName(node.name);
  }

  #condition(xpath: BoundXPath, position: Span['start']): SqlCondition | undefined {
    try {
      return conditionSql(xpath, this.#draft);
    } catch (error) {
      if (!(error instanceof NotInRow)) throw error;
      this.#refuse(xpath, position, error.message, error);
      return undefined;
    }
  }

  #refuse(
    xpath: BoundXPath,
    position: Span['start'],
    reason: string,
    at?: { offset: number; length: number },
  ): void {
    const span =
      at === undefined
        ? spanOf(position, 'must'.length)
        : spanOf(xpath.positionAt(at.offset), Math.max(1, at.length));
    const hint =
      'Only what one row can answer is checked: a condition on several rows could be broken by ' +
      'merging two states that both satisfy it. Leave it out, or put the leafs into one entity.';
    this.#reporter.report('must-not-in-row', span, { condition: xpath.text, reason }, { hint });
  }

  /** Adds the constraint, and refuses it if two groups that merge separately can break it. */
  add(check: CheckDraft): void {
    this.#judge(check);
    const plain = sqlName(this.#draft.table.name, ...check.name);
    let name = plain;
    for (let n = 2; this.#names.has(name); n++) name = sqlName(plain, String(n));
    this.#names.add(name);
    this.#draft.checks.push({
      name,
      expression: check.expression,
      ...(check.message === undefined ? {} : { message: check.message }),
    });
  }

  /** A condition on the values of a set: two sets that keep it do not always keep it together. */
  #judgeSets(must: Must, columns: readonly ColumnDraft[]): void {
    for (const group of this.#draft.groups.filter(({ tags }) => tags !== undefined)) {
      const column = columns.find(({ name }) => group.columns.includes(name));
      if (column === undefined) continue;
      const hint = 'Leave it out, or let the whole list merge as one value.';
      const names = { condition: must.xpath.text, name: column.path };
      this.#reporter.report('set-check', spanOf(must.position, 'must'.length), names, { hint });
    }
  }

  #judge(check: CheckDraft): void {
    if (this.#draft.local) return;
    checkMixed(check, this.#reporter);
    const names = new Set(check.columns.map((column) => column.name));
    const groups = this.#draft.groups.filter((group) =>
      group.columns.some((one) => names.has(one)),
    );
    if (groups.length < 2) return;
    const list = groups.map((group) => `"${group.name}"`).join(' and ');
    const columns = groups.map((group) => group.columns.find((one) => names.has(one))!);
    const hint =
      `Site A changes ${columns[0]} while site B changes ${columns[1]}: each write keeps the condition, ` +
      'the merged row may not. Put the columns into one column group.';
    const parameters = { condition: check.title, groups: list };
    this.#reporter.report('check-across-groups', check.span, parameters, { hint });
  }
}

/** A container without presence is always there, even when nothing is in it. */
function isPlain(node: SchemaNode): boolean {
  return node.kind === 'container' && node.presence === undefined;
}
