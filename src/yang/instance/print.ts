/** From a tree of instances back to JSON in canonical form (RFC 7951). */
import type { JsonValue } from '../types/value.ts';
import { toJson } from '../types/read.ts';
import type { DataNode } from '../tree.ts';
import { dataChildren } from '../tree.ts';
import type { InstanceSession } from './session.ts';
import { partOf } from './session.ts';
import type { InstanceNode } from './tree.ts';
import { entryKey } from './tree.ts';

export interface PrintOptions {
  /** Print defaults too, as "report-all" of RFC 6243 does; without, only what was given. */
  defaults: boolean;
  /**
   * `given` keeps the order of entries; `sorted` puts those whose order has no meaning into the order of
   * their keys or values, so that equal data are equal texts.
   */
  order: 'given' | 'sorted';
}

/** The data as JSON: names qualified where the module changes, children in schema order, keys first. */
export function printInstance(
  session: InstanceSession,
  node: InstanceNode,
  options: PrintOptions,
): { [member: string]: JsonValue } {
  const result: [string, JsonValue][] = [];
  if (node.annotations.size > 0) result.push(['@', Object.fromEntries(node.annotations)]);
  const groups = new Map<DataNode, InstanceNode[]>();
  for (const child of node.children) {
    if (child.schema === undefined || !isPrinted(child, options)) continue;
    groups.set(child.schema, [...(groups.get(child.schema) ?? []), child]);
  }
  for (const schema of schemaOrder(session, node, groups)) {
    const name =
      schema.module === node.schema?.module ? schema.name : `${schema.module.name}:${schema.name}`;
    const entries = groups.get(schema)!;
    result.push([name, printEntries(session, { schema, entries }, options)]);
    if (schema.kind === 'leaf' || schema.kind === 'leaf-list') {
      const annotations = printAnnotations(schema, entries);
      if (annotations !== undefined) result.push([`@${name}`, annotations]);
    }
  }
  return Object.fromEntries(result);
}

/** Containers are printed when they mean something or hold something. */
function isPrinted(node: InstanceNode, options: PrintOptions): boolean {
  if (node.isDefault && !options.defaults) return false;
  const { kind } = node.schema!;
  if ((kind === 'leaf' || kind === 'leaf-list') && node.value === undefined) return false;
  const structural = node.schema?.kind === 'container' && node.schema.presence === undefined;
  if (!structural || node.annotations.size > 0) return true;
  return node.children.some((child) => isPrinted(child, options));
}

function schemaOrder(
  session: InstanceSession,
  node: InstanceNode,
  groups: ReadonlyMap<DataNode, InstanceNode[]>,
): DataNode[] {
  // Top-level nodes come from several modules, in the order of the context.
  const order =
    node.schema === undefined
      ? session.context.modules.flatMap((module) => dataChildren(module))
      : dataChildren(partOf(session, node.schema));
  const keys: DataNode[] = node.schema?.kind === 'list' ? (node.schema.key?.leafs ?? []) : [];
  return [...new Set([...keys, ...order])].filter((schema) => groups.has(schema));
}

function printEntries(
  session: InstanceSession,
  { schema, entries }: { schema: DataNode; entries: InstanceNode[] },
  options: PrintOptions,
): JsonValue {
  const [first] = entries;
  switch (schema.kind) {
    case 'leaf':
      return toJson(first!.value!);
    case 'leaf-list':
      return inOrder(schema, entries, options).map((entry) => toJson(entry.value!));
    case 'list':
      return inOrder(schema, entries, options).map((entry) =>
        printInstance(session, entry, options),
      );
    case 'anydata':
    case 'anyxml':
      return first!.anything ?? null;
    default:
      return printInstance(session, first!, options);
  }
}

function inOrder(
  schema: Extract<DataNode, { kind: 'list' | 'leaf-list' }>,
  entries: InstanceNode[],
  { order }: PrintOptions,
): InstanceNode[] {
  if (order === 'given' || schema.orderedBy === 'user') return entries;
  const keyOf = (entry: InstanceNode): string => entry.value?.canonical ?? entryKey(entry) ?? '';
  return entries
    .map((entry) => ({ entry, key: keyOf(entry) }))
    .sort((one, other) => (one.key < other.key ? -1 : one.key > other.key ? 1 : 0))
    .map(({ entry }) => entry);
}

/** Annotations of a leaf, or of the entries of a leaf-list with `null` for those without. */
function printAnnotations(schema: DataNode, entries: InstanceNode[]): JsonValue | undefined {
  if (entries.every((entry) => entry.annotations.size === 0)) return undefined;
  const objects = entries.map((entry) =>
    entry.annotations.size === 0 ? null : Object.fromEntries(entry.annotations),
  );
  return schema.kind === 'leaf' ? (objects[0] ?? null) : objects;
}
