/** Column groups: every non-key column is in exactly one, and a group has one resolution method. */
import type { SchemaNode } from '../yang/schema.ts';
import type { ExtensionInstance } from '../yang/schema-modules.ts';
import { argumentSpan } from '../yang/statement.ts';
import { didYouMean } from '../yang/suggest.ts';
import { crpChild, crpChildren } from './crp-reader.ts';
import type { CrpReader } from './crp-reader.ts';
import { CRP_MODULE } from './crp-statements.ts';
import type { ModelReporter } from './diagnostic-codes.ts';
import type { ColumnDraft, EntityDraft } from './draft.ts';
import { nodeSpan, nodeTitle } from './draft.ts';
import { METHODS } from './engine.ts';
import type { MethodInfo } from './engine.ts';
import type { ColumnGroup } from './ir.ts';
import type { Method } from './ir-resolution.ts';
import { isComparable, orderOfValues } from './monotonic.ts';
import type { Resolve } from './monotonic.ts';
import { RESERVED_PREFIX, sqlName } from './names.ts';
import { checkChain, isOrdered, methodChain, orderedMethods } from './ordered.ts';
import { checkSet, isSetMethod } from './set-groups.ts';

/** The group of columns that join none. */
const ROW = 'row';
const DEFAULT_METHOD: Method = 'latest-timestamp';

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
      method: this.#method(one, columns),
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

  #method(resolve: ExtensionInstance, columns: readonly ColumnDraft[]): Resolve['method'] {
    const written = resolve.argument ?? '';
    const [prefix, name] = written.includes(':') ? written.split(':') : [undefined, written];
    const module = resolve.scope.resolve(prefix)?.name;
    const info = module === CRP_MODULE ? METHODS[name!] : undefined;
    const span = argumentSpan(resolve.statement);
    if (info === undefined) {
      this.#reporter.report('unknown-method', span, { name: written }, this.#methodHelp(resolve));
      return DEFAULT_METHOD;
    }
    this.#checkMethod({ resolve, name: name!, columns });
    if (!info.available) {
      const available = Object.entries(METHODS).filter(([, method]) => method.available);
      const what = `resolution method "${name}"`;
      const expected = `one of ${available.map(([one]) => `"crp:${one}"`).join(', ')}`;
      this.#reporter.report('unavailable', span, { what }, { expected });
      return DEFAULT_METHOD;
    }
    return name as Resolve['method'];
  }

  #methodHelp(resolve: ExtensionInstance): { expected: string; hint: string | undefined } {
    const written = resolve.argument ?? '';
    const prefix = resolve.scope
      .prefixes()
      .find((one) => resolve.scope.resolve(one)?.name === CRP_MODULE);
    const names = Object.keys(METHODS).map((name) => `${prefix ?? 'crp'}:${name}`);
    const bare = names.find((name) => name.split(':')[1] === written);
    return {
      expected: 'an identity derived from "crp:resolution"',
      hint:
        bare === undefined ? didYouMean(written, names) : `Write it with its prefix: "${bare}".`,
    };
  }

  #checkMethod(work: {
    resolve: ExtensionInstance;
    name: string;
    columns: readonly ColumnDraft[];
  }): void {
    const { resolve, name, columns } = work;
    const { values } = METHODS[name]!;
    const span = argumentSpan(resolve.statement);
    for (const column of columns) {
      const isSet = column.node.kind === 'leaf-list';
      const fits = valuesFit(values, column);
      if (fits) continue;
      const type = isSet ? 'leaf-list' : (column.type.yang?.base ?? 'presence');
      this.#reporter.report('method-type', span, { method: name, column: column.path, type });
    }
  }
}

function valuesFit(values: MethodInfo['values'], column: ColumnDraft): boolean {
  switch (values) {
    case 'any':
      return true;
    case 'set':
      return column.node.kind === 'leaf-list';
    case 'comparable':
      return isComparable(column);
    case 'serial':
      return column.type.yang?.base === 'uint32' && isComparable(column);
    case 'number':
      return column.node.kind !== 'leaf-list' && column.type.class === 'number';
  }
}
