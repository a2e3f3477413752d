/** Column groups: every non-key column is in exactly one, and a group has one resolution method. */
import type { SchemaNode } from '../../yang/schema.ts';
import type { ExtensionInstance } from '../../yang/schema-modules.ts';
import { argumentSpan } from '../../yang/statement.ts';
import { didYouMean } from '../../yang/suggest.ts';
import { crpChild, crpChildren } from '../statements/crp-reader.ts';
import type { CrpReader } from '../statements/crp-reader.ts';
import type { ModelReporter } from '../diagnostics/diagnostic-codes.ts';
import type { ColumnDraft, EntityDraft } from '../draft/draft.ts';
import { nodeSpan, nodeTitle } from '../draft/draft.ts';
import { DEFAULT_METHOD, readMethod } from './group-method.ts';
import type { ColumnGroup } from '../ir/ir.ts';
import type { Method } from '../ir/ir-resolution.ts';
import { orderOfValues } from './monotonic.ts';
import type { Resolve } from './monotonic.ts';
import { RESERVED_PREFIX, sqlName } from '../ir/names.ts';
import { checkChain, isOrdered, methodChain, orderedMethods } from './ordered.ts';
import { checkSet, isSetMethod } from './set-groups.ts';

/** The group of columns that join none. */
const ROW = 'row';

interface GroupContext {
  crp: CrpReader;
  reporter: ModelReporter;
}

/** Fills in the groups of an entity that has its columns. */
export function addGroups(draft: EntityDraft, context: GroupContext): void {
  new GroupBuilder(draft, context).build();
}

class GroupBuilder {
  readonly #draft: EntityDraft;
  readonly #crp: CrpReader;
  readonly #reporter: ModelReporter;
  readonly #declared = new Map<string, ExtensionInstance | undefined>();
  readonly #members = new Map<string, ColumnDraft[]>();
  readonly #ownMethods = new Map<string, ExtensionInstance>();

  constructor(draft: EntityDraft, context: GroupContext) {
    this.#draft = draft;
    this.#crp = context.crp;
    this.#reporter = context.reporter;
  }

  build(): void {
    this.#declare();
    this.#checkPlaces(this.#draft.node);
    for (const column of this.#draft.columns) {
      if (column.isKey || column.local || column.derived !== undefined) continue;
      const group = this.#groupOf(column);
      this.#members.set(group, [...(this.#members.get(group) ?? []), column]);
    }
    this.#emit();
  }

  #declare(): void {
    const { statement, name } = this.#draft;
    for (const group of crpChildren(statement, 'column-group')) {
      const groupName = group.argument ?? '';
      const first = this.#declared.get(groupName);
      if (first === undefined && groupName !== ROW) {
        this.#declared.set(groupName, group);
        continue;
      }
      const what = `column group of entity "${name}"`;
      const span = argumentSpan(group.statement);
      const hint =
        groupName === ROW
          ? 'Group "row" is always there: give its method in the entity.'
          : undefined;
      const related = first && [{ message: 'the first one', position: first.position }];
      this.#reporter.report(
        'duplicate-crp-name',
        span,
        { what, name: groupName },
        { hint, related },
      );
    }
  }

  /** A group that a node names has to exist, whether or not a column takes it from there. */
  #checkPlaces(node: SchemaNode): void {
    const joined = this.#crp.one(node, 'in-group');
    const name = joined?.argument;
    if (joined !== undefined && name !== undefined && name !== ROW && !this.#declared.has(name)) {
      const groups = [...this.#declared.keys(), ROW];
      this.#reporter.report(
        'unknown-group',
        argumentSpan(joined.statement),
        { group: name, entity: this.#draft.name },
        {
          expected: `one of ${groups.map((group) => `"${group}"`).join(', ')}`,
          hint:
            didYouMean(name, groups) ??
            `Declare it in the entity: crp:column-group "${name}" { crp:resolve "crp:latest-timestamp"; }`,
        },
      );
    }
    if (joined !== undefined && node.kind === 'leaf' && node.isKey) {
      const reason = 'key columns are in no group, they never change';
      const names = { statement: 'in-group', reason };
      this.#reporter.report('crp-does-not-fit', argumentSpan(joined.statement), names);
    }
    for (const child of node.children) {
      if (child.kind !== 'list' || this.#crp.one(child, 'entity') === undefined) {
        this.#checkPlaces(child);
      }
    }
  }

  /** Its own method makes a column a group of its own; else the nearest `in-group` at or above it. */
  #groupOf(column: ColumnDraft): string {
    const own = this.#crp.one(column.node, 'resolve');
    const direct = this.#crp.one(column.node, 'in-group');
    if (own !== undefined && direct !== undefined) {
      const reason = `${nodeTitle(column.node)} has "crp:in-group", and the group has its method`;
      const names = { statement: 'resolve', reason };
      this.#reporter.report('crp-does-not-fit', argumentSpan(own.statement), names);
    } else if (own !== undefined) {
      this.#ownMethods.set(column.name, own);
      return column.name;
    }
    let at: SchemaNode | undefined = column.node;
    for (; at !== undefined && at !== this.#draft.node; at = at.parent) {
      const name = this.#crp.one(at, 'in-group')?.argument;
      if (name !== undefined) return this.#declared.has(name) ? name : ROW;
    }
    return ROW;
  }

  #emit(): void {
    for (const [name, declared] of this.#declared) {
      if (this.#members.has(name) || declared === undefined) continue;
      const names = { group: name, entity: this.#draft.name };
      this.#reporter.report('empty-group', argumentSpan(declared.statement), names);
    }
    const order = [ROW, ...this.#declared.keys(), ...this.#ownMethods.keys()];
    const stamps = new Map<string, string>();
    for (const name of new Set(order)) {
      const columns = this.#members.get(name) ?? [];
      // An entity that is all key still has the group of its row.
      if (columns.length === 0 && (name !== ROW || this.#members.size > 0)) continue;
      const group = this.#group(name, columns);
      for (const hidden of [group.stamp, ...(group.tags === undefined ? [] : [group.tags])]) {
        const first = stamps.get(hidden);
        if (first !== undefined) {
          const names = { kind: 'column', name: hidden, one: first, other: name };
          this.#reporter.report('name-clash', nodeSpan(columns[0]!.node), names);
        }
        stamps.set(hidden, name);
      }
      this.#draft.groups.push(group);
    }
  }

  #group(name: string, columns: ColumnDraft[]): ColumnGroup {
    const resolve = this.#ownMethods.get(name) ?? this.#statementOf(name);
    const chain = methodChain(resolve).map((one): Resolve => ({
      resolve: one,
      method: readMethod(one, columns, this.#reporter),
      columns,
    }));
    if (isOrdered(chain)) return this.#ordered(name, chain, columns);
    checkChain(chain, this.#reporter);
    // None of them is ordered.
    const method = (chain[0]?.method ?? DEFAULT_METHOD) as Method;
    const order = chain[0] && orderOfValues(chain[0], this.#reporter);
    const isSet = isSetMethod(method);
    if (isSet) checkSet({ ...chain[0]!, group: name }, this.#reporter);
    return {
      name,
      stamp: sqlName(`${RESERVED_PREFIX}${name}`),
      ...(isSet ? { tags: sqlName(`${RESERVED_PREFIX}${name}`, 'tags') } : {}),
      columns: columns.map((column) => column.name),
      method,
      ...(order === undefined ? {} : { order }),
    };
  }

  #ordered(name: string, chain: readonly Resolve[], columns: readonly ColumnDraft[]): ColumnGroup {
    return {
      name,
      stamp: sqlName(`${RESERVED_PREFIX}${name}`),
      columns: columns.map((column) => column.name),
      method: 'ordered',
      methods: orderedMethods(chain, this.#draft, this.#reporter),
    };
  }

  #statementOf(group: string): ExtensionInstance | undefined {
    const holder = group === ROW ? this.#draft.statement : this.#declared.get(group);
    return crpChild(holder, 'resolve');
  }
}
