/** Walking the compiled schema as instance data sees it: without choices and cases. */
import type { SchemaNode } from './schema.ts';
import type { Module } from './schema-modules.ts';

/** Nodes that instances exist of. */
export type DataNode = Exclude<SchemaNode, { kind: 'choice' } | { kind: 'case' }>;

export function isDataNode(node: SchemaNode): node is DataNode {
  return node.kind !== 'choice' && node.kind !== 'case';
}

const dataChildrenOf = new WeakMap<SchemaNode | Module, DataNode[]>();
const childIndexes = new WeakMap<SchemaNode | Module, Map<string, DataNode>>();

/** The children with choices and cases replaced by what is in them, in schema order. */
export function dataChildren(parent: SchemaNode | Module): DataNode[] {
  const known = dataChildrenOf.get(parent);
  if (known !== undefined) return known;
  const found: DataNode[] = [];
  for (const child of parent.children) {
    if (isDataNode(child)) found.push(child);
    else found.push(...dataChildren(child));
  }
  dataChildrenOf.set(parent, found);
  return found;
}

/** A data child by the name of its module and its own name. */
export function findDataChild(
  parent: SchemaNode | Module,
  module: string,
  name: string,
): DataNode | undefined {
  let index = childIndexes.get(parent);
  if (index === undefined) {
    index = new Map(
      dataChildren(parent).map((child) => [`${child.module.name}:${child.name}`, child]),
    );
    childIndexes.set(parent, index);
  }
  return index.get(`${module}:${name}`);
}

/** The nearest node above that instances exist of; undefined at the top level. */
export function dataParent(node: SchemaNode): DataNode | undefined {
  let parent = node.parent;
  while (parent !== undefined && !isDataNode(parent)) parent = parent.parent;
  return parent;
}

/** All nodes below, the node itself first. */
export function* walkNodes(nodes: readonly SchemaNode[]): Generator<SchemaNode> {
  for (const node of nodes) {
    yield node;
    yield* walkNodes(node.children);
  }
}

/** The path from the root with choices and cases, module names where they change: for messages. */
export function schemaPath(node: SchemaNode): string {
  const { parent } = node;
  const prefix = parent?.module === node.module ? '' : `${node.module.name}:`;
  return `${parent === undefined ? '' : schemaPath(parent)}/${prefix}${node.name}`;
}
