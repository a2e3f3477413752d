/** Instance data as a tree of nodes, each with its schema node. */
import type { SchemaNode } from '../schema.ts';
import type { Span } from '../source.ts';
import type { DataNode } from '../tree.ts';
import { quoteValue } from '../types/instance-path.ts';
import type { JsonValue, Value } from '../types/value.ts';

export interface InstanceNode {
  /** Undefined for the root of the document. */
  schema: DataNode | undefined;
  parent: InstanceNode | undefined;
  /** In the order of the document; defaults behind what was given. */
  children: InstanceNode[];
  /** Of leafs and entries of leaf-lists. */
  value: Value | undefined;
  /** Of anydata and anyxml. */
  anything: JsonValue | undefined;
  /** Added because the schema says so, not given (RFC 7950 §7.6.1); its containers too. */
  isDefault: boolean;
  /** Annotations (RFC 7952) by their qualified names. */
  annotations: Map<string, JsonValue>;
  /** Where it stands in the document; undefined for defaults. */
  span: Span | undefined;
  /** Place in document order, the root's is 0. */
  order: number;
}

export function createInstance(
  schema: DataNode | undefined,
  parent: InstanceNode | undefined,
  rest: Partial<InstanceNode> = {},
): InstanceNode {
  return {
    schema,
    parent,
    children: [],
    value: undefined,
    anything: undefined,
    isDefault: false,
    annotations: new Map(),
    span: undefined,
    order: 0,
    ...rest,
  };
}

/** The node and everything below it, in document order. */
export function* walkInstances(node: InstanceNode): Generator<InstanceNode> {
  yield node;
  for (const child of node.children) yield* walkInstances(child);
}

/** Numbers all nodes in document order; to be called again when nodes were added. */
export function numberInstances(root: InstanceNode): void {
  let order = 0;
  for (const node of walkInstances(root)) {
    node.order = order;
    order += 1;
  }
}

/** Children that are instances of a schema node. */
export function childrenOfSchema(parent: InstanceNode, schema: SchemaNode): InstanceNode[] {
  return parent.children.filter((child) => child.schema === schema);
}

/** The canonical value of a child leaf; undefined when it is not there. */
export function leafValue(parent: InstanceNode, schema: SchemaNode): string | undefined {
  return parent.children.find((child) => child.schema === schema)?.value?.canonical;
}

/** The root above a node. */
export function rootOf(node: InstanceNode): InstanceNode {
  let at = node;
  while (at.parent !== undefined) at = at.parent;
  return at;
}

/** The path of a node in the form of RFC 7951 §6.11. */
export function instancePath(node: InstanceNode): string {
  const { schema, parent } = node;
  if (schema === undefined) return '/';
  const above = parent === undefined || parent.schema === undefined ? '' : instancePath(parent);
  const qualified = parent?.schema?.module !== schema.module;
  const name = qualified ? `${schema.module.name}:${schema.name}` : schema.name;
  return `${above}/${name}${predicatesOf(node)}`;
}

function predicatesOf(node: InstanceNode): string {
  const { schema, parent } = node;
  if (schema?.kind === 'leaf-list') return `[.=${quoteValue(node.value?.canonical ?? '')}]`;
  if (schema?.kind !== 'list') return '';
  const known = schema.key?.leafs.every((leaf) => leafValue(node, leaf) !== undefined) ?? false;
  if (schema.key === undefined || !known) {
    const index = parent === undefined ? 0 : childrenOfSchema(parent, schema).indexOf(node);
    return `[${index + 1}]`;
  }
  return schema.key.leafs
    .map((leaf) => `[${leaf.name}=${quoteValue(leafValue(node, leaf) ?? '')}]`)
    .join('');
}

/** What tells entries of a list apart: the values of its keys; undefined without keys or with one missing. */
export function entryKey(node: InstanceNode): string | undefined {
  if (node.schema?.kind !== 'list' || node.schema.key === undefined) return undefined;
  const values = node.schema.key.leafs.map((leaf) => leafValue(node, leaf));
  return values.includes(undefined) ? undefined : JSON.stringify(values);
}
