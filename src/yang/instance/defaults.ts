/** Adds what exists without being given (RFC 7950 §7.5.1, §7.6.1, §7.7.2, §7.9.3). */
import type { CaseNode, ChoiceNode, LeafListNode, LeafNode, SchemaNode } from '../schema.ts';
import type { DataNode } from '../tree.ts';
import { isDataNode } from '../tree.ts';
import { namesOfData } from '../types/names.ts';
import { readText } from '../types/read.ts';
import type { Conditions } from './conditions.ts';
import type { InstanceSession } from './session.ts';
import { partOf } from './session.ts';
import type { InstanceNode } from './tree.ts';
import { createInstance, numberInstances } from './tree.ts';

/** Whether an instance of one of the nodes in a case or choice is there. */
export function hasAny(parent: InstanceNode, schema: SchemaNode): boolean {
  if (isDataNode(schema)) {
    return parent.children.some((child) => child.schema === schema && !child.isDefault);
  }
  return schema.children.some((child) => hasAny(parent, child));
}

/**
 * Adds defaults below a node. Conditional ones wait until the others are there, since their conditions may
 * depend on them; what they bring may in turn make conditions of others true.
 */
export function addDefaults(
  session: InstanceSession,
  root: InstanceNode,
  { tops, conditions }: { tops: readonly SchemaNode[]; conditions: Conditions },
): void {
  const waiting: Waiting[] = [];
  const adder = new DefaultAdder(session, waiting);
  adder.fill(root, tops);
  numberInstances(root);
  for (let progress = true; progress;) {
    progress = false;
    for (const candidate of waiting.splice(0)) {
      if (conditions.holdAt(candidate.schema, candidate.parent)) {
        adder.add(candidate.schema, candidate.parent);
        progress = true;
      } else waiting.push(candidate);
    }
    if (progress) numberInstances(root);
    if (waiting.length === 0) return;
  }
}

interface Waiting {
  schema: SchemaNode;
  parent: InstanceNode;
}

class DefaultAdder {
  readonly #session: InstanceSession;
  readonly #waiting: Waiting[];

  constructor(session: InstanceSession, waiting: Waiting[]) {
    this.#session = session;
    this.#waiting = waiting;
  }

  /** Adds the defaults among `schemas` to a node that exists, and below its children. */
  fill(parent: InstanceNode, schemas: readonly SchemaNode[]): void {
    for (const child of [...parent.children]) {
      if (child.schema !== undefined)
        this.fill(child, partOf(this.#session, child.schema).children);
    }
    for (const schema of schemas) this.#consider(schema, parent);
  }

  #consider(schema: SchemaNode, parent: InstanceNode): void {
    if (this.#session.content === 'config' && !schema.config) return;
    if (schema.whens.length > 0 && !hasAny(parent, schema)) this.#waiting.push({ schema, parent });
    else this.add(schema, parent);
  }

  /** Adds the default of a node whose conditions hold. */
  add(schema: SchemaNode, parent: InstanceNode): void {
    if (schema.kind === 'choice') this.#addCase(schema, parent);
    else if (schema.kind === 'case')
      for (const child of schema.children) this.#consider(child, parent);
    else if (!parent.children.some((child) => child.schema === schema))
      this.#addNode(schema, parent);
  }

  #addCase(choice: ChoiceNode, parent: InstanceNode): void {
    const present = choice.children.find((child) => hasAny(parent, child));
    const chosen: CaseNode | undefined = present ?? choice.defaultCase;
    if (chosen !== undefined) this.#consider(chosen, parent);
  }

  #addNode(schema: DataNode, parent: InstanceNode): void {
    if (schema.kind === 'container' && schema.presence === undefined) {
      const container = createInstance(schema, parent, { isDefault: true });
      parent.children.push(container);
      this.fill(container, schema.children);
    } else if (schema.kind === 'leaf' || schema.kind === 'leaf-list') {
      addLeafDefaults(this.#session, schema, parent);
    }
  }
}

function addLeafDefaults(
  session: InstanceSession,
  schema: LeafNode | LeafListNode,
  parent: InstanceNode,
): void {
  const names = namesOfData((name) => session.context.findModule(name), schema.module);
  for (const found of schema.kind === 'leaf' ? [schema.default] : schema.defaults) {
    if (found === undefined) continue;
    const read = readText(schema.type, found.canonical, names);
    if (!read.ok) continue;
    parent.children.push(createInstance(schema, parent, { isDefault: true, value: read.value }));
  }
}
