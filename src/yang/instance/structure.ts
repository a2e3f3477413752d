/** What must be there, how often, and only once (RFC 7950 §7.6.5, §7.7.5, §7.8.3, §7.9.4). */
import type {
  CaseNode,
  ChoiceNode,
  LeafListNode,
  ListNode,
  ListUnique,
  SchemaNode,
} from '../schema.ts';
import { isDataNode } from '../tree.ts';
import type { Conditions } from './conditions.ts';
import { hasAny } from './defaults.ts';
import type { InstanceSession } from './session.ts';
import { partOf, spanOfNode } from './session.ts';
import type { InstanceNode } from './tree.ts';
import { childrenOfSchema, entryKey, instancePath } from './tree.ts';

export class StructureChecks {
  readonly #session: InstanceSession;
  readonly #conditions: Conditions;

  constructor(session: InstanceSession, conditions: Conditions) {
    this.#session = session;
    this.#conditions = conditions;
  }

  /** Checks the children of a node that its schema asks for, and those that it has. */
  check(node: InstanceNode, schemas?: readonly SchemaNode[]): void {
    const { schema } = node;
    const children =
      schemas ?? (schema === undefined ? [] : partOf(this.#session, schema).children);
    for (const child of children) this.#checkChild(node, child);
  }

  #checkChild(parent: InstanceNode, schema: SchemaNode): void {
    if (this.#session.content === 'config' && !schema.config) return;
    switch (schema.kind) {
      case 'choice':
        this.#checkChoice(parent, schema);
        return;
      case 'leaf':
      case 'anydata':
      case 'anyxml':
        this.#checkSingle(parent, schema);
        return;
      case 'container':
        this.#reportRepeated(childrenOfSchema(parent, schema));
        return;
      case 'list':
      case 'leaf-list':
        this.#checkEntries(parent, schema);
    }
  }

  #checkSingle(parent: InstanceNode, schema: Extract<SchemaNode, { mandatory: boolean }>): void {
    if (!isDataNode(schema)) return;
    const found = childrenOfSchema(parent, schema);
    this.#reportRepeated(found);
    if (!schema.mandatory || found.length > 0 || !this.#conditions.holdAt(schema, parent)) return;
    const parameters = { name: schema.name, path: instancePath(parent) };
    const related = [{ message: `"${schema.name}" is defined here`, position: schema.position }];
    const span = spanOfNode(this.#session, parent);
    this.#session.reporter.report('missing-node', span, parameters, { related });
  }

  #reportRepeated(found: InstanceNode[]): void {
    for (const node of found.slice(1)) {
      const span = spanOfNode(this.#session, node);
      this.#session.reporter.report('duplicate-entry', span, { path: instancePath(node) });
    }
  }

  #checkChoice(parent: InstanceNode, choice: ChoiceNode): void {
    const present = choice.children.filter((child) => hasAny(parent, child));
    const [one, other] = present;
    if (one !== undefined && other !== undefined) this.#reportTwo(parent, choice, [one, other]);
    if (one === undefined && choice.mandatory && this.#conditions.holdAt(choice, parent)) {
      const parameters = { name: choice.name, path: instancePath(parent) };
      const expected = choice.children.map((child) => child.name).join(', ');
      const span = spanOfNode(this.#session, parent);
      this.#session.reporter.report('missing-choice', span, parameters, { expected });
    }
    const chosen = one ?? choice.defaultCase;
    for (const child of chosen?.children ?? []) this.#checkChild(parent, child);
  }

  #reportTwo(parent: InstanceNode, choice: ChoiceNode, [one, other]: [CaseNode, CaseNode]): void {
    const first = parent.children.find((child) => isIn(child, one))!;
    const second = parent.children.find((child) => isIn(child, other))!;
    this.#session.reporter.report('two-cases', spanOfNode(this.#session, second), {
      choice: choice.name,
      one: first.schema!.name,
      other: second.schema!.name,
      path: instancePath(parent),
    });
  }

  #checkEntries(parent: InstanceNode, schema: ListNode | LeafListNode): void {
    const entries = childrenOfSchema(parent, schema);
    this.#checkCount(parent, schema, entries.length);
    if (schema.kind === 'list') {
      this.#checkKeys(entries);
      for (const unique of schema.uniques) this.#checkUnique(entries, unique);
    } else if (schema.config || schema.module.yangVersion === '1') this.#checkValues(entries);
  }

  #checkCount(parent: InstanceNode, schema: ListNode | LeafListNode, count: number): void {
    const { minElements: min, maxElements: max } = schema;
    const path = `${parent.schema === undefined ? '' : instancePath(parent)}/${schema.name}`;
    const span = spanOfNode(this.#session, parent);
    if (count < min && (count > 0 || this.#conditions.holdAt(schema, parent))) {
      this.#session.reporter.report('too-few-elements', span, { path, count, min });
    }
    if (max !== 'unbounded' && count > max) {
      this.#session.reporter.report('too-many-elements', span, { path, count, max });
    }
  }

  #checkKeys(entries: InstanceNode[]): void {
    const seen = new Set<string>();
    for (const entry of entries) {
      const key = entryKey(entry);
      if (key === undefined) continue;
      if (seen.has(key)) {
        const span = spanOfNode(this.#session, entry);
        this.#session.reporter.report('duplicate-entry', span, { path: instancePath(entry) });
      }
      seen.add(key);
    }
  }

  #checkValues(entries: InstanceNode[]): void {
    const seen = new Set<string>();
    for (const entry of entries) {
      const value = entry.value?.canonical ?? '';
      if (seen.has(value)) {
        const span = spanOfNode(this.#session, entry);
        this.#session.reporter.report('duplicate-entry', span, { path: instancePath(entry) });
      }
      seen.add(value);
    }
  }

  /** Entries in which a leaf of the combination is missing are not compared (RFC 7950 §7.8.3). */
  #checkUnique(entries: InstanceNode[], unique: ListUnique): void {
    const seen = new Map<string, InstanceNode>();
    for (const entry of entries) {
      const values = unique.leafs.map((leaf) => descendantValue(entry, leaf));
      if (values.includes(undefined)) continue;
      const key = JSON.stringify(values);
      const first = seen.get(key);
      if (first === undefined) seen.set(key, entry);
      else this.#reportNotUnique(entry, { first, unique });
    }
  }

  #reportNotUnique(
    entry: InstanceNode,
    { first, unique }: { first: InstanceNode; unique: ListUnique },
  ): void {
    const { start } = spanOfNode(this.#session, first);
    const related = [{ message: `the other is ${instancePath(first)}`, position: start }];
    const parameters = { path: instancePath(entry), leafs: unique.text };
    const span = spanOfNode(this.#session, entry);
    this.#session.reporter.report('not-unique', span, parameters, { related });
  }
}

/** The value of a leaf below an entry, through containers. */
function descendantValue(entry: InstanceNode, leaf: SchemaNode): string | undefined {
  const above: SchemaNode[] = [];
  for (
    let at: SchemaNode | undefined = leaf;
    at !== undefined && at !== entry.schema;
    at = at.parent
  ) {
    if (isDataNode(at)) above.unshift(at);
  }
  let node: InstanceNode | undefined = entry;
  for (const schema of above) node = node?.children.find((child) => child.schema === schema);
  return node?.value?.canonical;
}

function isIn(node: InstanceNode, holder: SchemaNode): boolean {
  for (let at: SchemaNode | undefined = node.schema; at !== undefined; at = at.parent) {
    if (at === holder) return true;
  }
  return false;
}
