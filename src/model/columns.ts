/** The columns of an entity: inherited keys, own keys, then the other leafs in schema order. */
import type { ContainerNode, LeafListNode, LeafNode, SchemaNode } from '../yang/schema.ts';
import { argumentSpan } from '../yang/statement.ts';
import { arrayType } from './types/array-type.ts';
import type { ColumnType } from './types/column-type.ts';
import { columnType } from './types/column-type.ts';
import { readCounter } from './groups/counters.ts';
import { crpChild, crpChildren } from './statements/crp-reader.ts';
import type { CrpReader } from './statements/crp-reader.ts';
import { defaultExpression } from './types/default-value.ts';
import type { ModelReporter } from './diagnostics/diagnostic-codes.ts';
import type { ColumnDraft, EntityDraft } from './draft/draft.ts';
import { nodeSpan } from './draft/draft.ts';
import { isOperation } from './draft/entities.ts';
import { isLoose } from './types/loose-types.ts';
import { RESERVED_PREFIX, sqlName } from './ir/names.ts';

interface ColumnContext {
  crp: CrpReader;
  reporter: ModelReporter;
}

/** Fills in the columns of an entity; those of the entity around it must be there. */
export function addColumns(draft: EntityDraft, context: ColumnContext): void {
  const builder = new ColumnBuilder(draft, context);
  builder.inheritKeys();
  const place = { prefix: [], conditions: [], local: false };
  for (const leaf of draft.node.key!.leafs) builder.leaf(leaf, place);
  for (const child of draft.node.children) builder.node(child, place);
  builder.checkNames();
}

interface Place {
  /** Names of the containers between the entity and the node. */
  prefix: string[];
  conditions: SchemaNode[];
  /** A container around the node is crp:site-local. */
  local: boolean;
}

class ColumnBuilder {
  readonly #draft: EntityDraft;
  readonly #crp: CrpReader;
  readonly #reporter: ModelReporter;

  constructor(draft: EntityDraft, context: ColumnContext) {
    this.#draft = draft;
    this.#crp = context.crp;
    this.#reporter = context.reporter;
  }

  /** An entity with one key leaf lends it under its own name: zone's `name` is `zone` in rrset. */
  inheritKeys(): void {
    const { parent, statement } = this.#draft;
    if (parent === undefined) return;
    const keys = parent.columns.filter((column) => column.isKey);
    const own = keys.filter((column) => column.inherited === undefined);
    const bindings = this.#bindings();
    for (const key of keys) {
      const plain = own.length === 1 ? sqlName(parent.name) : sqlName(parent.name, key.name);
      const name = key.inherited === undefined ? plain : key.name;
      const { default: _, ...rest } = key;
      this.#draft.columns.push({
        ...rest,
        name: bindings.get(name) ?? name,
        path: `../${key.path}`,
        inherited: { entity: parent, column: key.name },
      });
      bindings.delete(name);
    }
    for (const [unknown] of bindings) {
      const table = crpChild(statement, 'sql-table')!;
      const names = { path: unknown, where: `the inherited key of entity "${this.#draft.name}"` };
      this.#reporter.report('unknown-path', argumentSpan(table.statement), names);
    }
  }

  /** `crp:sql-column "zone=domain"` below `crp:sql-table`. */
  #bindings(): Map<string, string> {
    const table = crpChild(this.#draft.statement, 'sql-table');
    return new Map(
      crpChildren(table, 'sql-column').map((binding) => {
        const [inherited, column] = (binding.argument ?? '').split('=');
        return [inherited!, column ?? inherited!] as const;
      }),
    );
  }

  node(node: SchemaNode, place: Place): void {
    if (isOperation(node) || (node.kind === 'leaf' && node.isKey)) return;
    if (!node.config) {
      const hint = 'State data is not replicated: put it into a module that augments this one.';
      this.#reporter.report('state-in-entity', nodeSpan(node), { name: node.name }, { hint });
      return;
    }
    const conditional = node.whens.length > 0 || node.kind === 'case';
    const conditions = conditional ? [...place.conditions, node] : place.conditions;
    switch (node.kind) {
      case 'leaf':
        return this.leaf(node, { ...place, conditions });
      case 'leaf-list':
        return this.#leafList(node, { ...place, conditions });
      case 'container':
        return this.#container(node, { ...place, conditions });
      case 'choice':
      case 'case':
        return node.children.forEach((child) => this.node(child, { ...place, conditions }));
      case 'list':
        return this.#list(node.name, node);
      default:
        this.#reporter.report('node-kind', nodeSpan(node), { kind: node.kind, name: node.name });
    }
  }

  #list(name: string, node: SchemaNode): void {
    if (this.#crp.one(node, 'entity') !== undefined) return;
    const hint = 'Give it a "crp:entity" statement: its rows then merge one by one.';
    const names = { name, entity: this.#draft.name };
    this.#reporter.report('inner-list', nodeSpan(node), names, { hint });
  }

  #container(node: ContainerNode, place: Place): void {
    const inner = {
      prefix: [...place.prefix, node.name],
      conditions: place.conditions,
      local: place.local || this.#crp.one(node, 'site-local') !== undefined,
    };
    if (node.presence !== undefined) {
      this.#add(node, place, {
        type: { sql: 'boolean', class: 'boolean', checks: () => [], yang: undefined },
        notNull: place.conditions.length === 0,
        default: 'false',
      });
      inner.conditions = [...inner.conditions, node];
    }
    for (const child of node.children) this.node(child, inner);
  }

  leaf(node: LeafNode, place: Place): void {
    const escrow = this.#crp.one(node, 'escrow');
    if (escrow !== undefined && !node.isKey) {
      const counter = readCounter({ node, escrow, ...place }, this.#reporter);
      this.#draft.counters.push(counter);
      return;
    }
    const type = columnType(node.type, this.#reporter);
    if (type === undefined) {
      const what = { kind: `leaf of type ${node.type.base}`, name: node.name };
      return this.#reporter.report('node-kind', nodeSpan(node), what);
    }
    const always = place.conditions.length === 0;
    const fallback = always && !node.isKey ? node.default : undefined;
    this.#add(node, place, {
      type,
      notNull: node.isKey || (always && (node.mandatory || node.default !== undefined)),
      ...(fallback === undefined ? {} : { default: defaultExpression(type, fallback.canonical) }),
    });
  }

  #leafList(node: LeafListNode, place: Place): void {
    const element = columnType(node.type, this.#reporter);
    if (element === undefined) return;
    if (node.orderedBy === 'user') {
      const hint = 'Leave out "ordered-by user", or make it an entity with a position as a leaf.';
      this.#reporter.report('ordered-by-user', nodeSpan(node), { name: node.name }, { hint });
    }
    const always = place.conditions.length === 0;
    const values = node.defaults.map((value) => defaultExpression(element, value.canonical));
    const fallback = values.length === 0 ? `'{}'` : `ARRAY[${values.join(', ')}]`;
    this.#add(node, place, {
      type: arrayType(node, element, this.#reporter),
      notNull: always,
      ...(always && node.minElements === 0 ? { default: fallback } : {}),
    });
  }

  #add(
    node: LeafNode | LeafListNode | ContainerNode,
    place: Place,
    column: { type: ColumnType; notNull: boolean; default?: string },
  ): void {
    const bound = node.kind === 'container' ? undefined : this.#crp.one(node, 'sql-column');
    const sqlType = crpChild(bound, 'sql-type')?.argument;
    const derived = this.#crp.one(node, 'derived')?.argument;
    this.#draft.columns.push({
      name: bound?.argument ?? sqlName(...place.prefix, node.name),
      path: [...place.prefix, node.name].join('/'),
      node,
      ...column,
      ...(sqlType === undefined ? {} : { sqlType }),
      isKey: node.kind === 'leaf' && node.isKey,
      conditions: place.conditions,
      local: place.local || this.#crp.one(node, 'site-local') !== undefined,
      secret: this.#crp.one(node, 'secret') !== undefined,
      ...(derived === undefined ? {} : { derived, notNull: false }),
    });
    if (node.kind === 'leaf' && node.isKey) this.#checkKey(node, sqlType ?? column.type.sql);
  }

  /** Sites tell rows apart by the values themselves, indexes by what is equal. */
  #checkKey(node: LeafNode, type: string): void {
    if (!isLoose(type)) return;
    const hint = /^numeric$/.test(type)
      ? 'Take numeric(p,s), which keeps s digits, or bigint, in the table too.'
      : 'Take a type of which equal values are the same, in the table too; text for citext.';
    this.#reporter.report('key-type', nodeSpan(node), { column: node.name, type }, { hint });
  }

  /** Two leafs of one column name, and names that replication uses itself. */
  checkNames(): void {
    const seen = new Map<string, ColumnDraft>();
    for (const column of this.#draft.columns) {
      if (column.name.startsWith(RESERVED_PREFIX)) {
        this.#reporter.report('reserved-name', nodeSpan(column.node), { name: column.name });
      }
      const first = seen.get(column.name);
      seen.set(column.name, first ?? column);
      if (first === undefined) continue;
      const hint = 'Name one of the columns with "crp:sql-column".';
      const names = { kind: 'column', name: column.name, one: first.path, other: column.path };
      this.#reporter.report('name-clash', nodeSpan(column.node), names, { hint });
    }
  }
}
