/** From JSON (RFC 7951) to a tree of instances: names, kinds of values, and values of leafs. */
import type { LeafListNode, LeafNode, ListNode } from '../schema.ts';
import type { Module } from '../schema-modules.ts';
import type { Span } from '../source.ts';
import { didYouMean } from '../suggest.ts';
import type { DataNode } from '../tree.ts';
import { dataChildren } from '../tree.ts';
import { namesOfData } from '../types/names.ts';
import { readJson, show } from '../types/read.ts';
import { readAnnotations } from './annotations.ts';
import type { JsonMember, JsonNode } from './json-reader.ts';
import { plainJson } from './json-reader.ts';
import type { InstanceSession } from './session.ts';
import { childSchema, partOf } from './session.ts';
import type { InstanceNode } from './tree.ts';
import { createInstance, instancePath } from './tree.ts';

/** Reads the members of an object as children of `parent`. */
export function readMembers(session: InstanceSession, node: JsonNode, parent: InstanceNode): void {
  if (node.kind !== 'object') {
    reportKind(session, node, { path: instancePath(parent), expected: 'an object' });
    return;
  }
  for (const member of node.members) {
    if (member.name.startsWith('@')) continue;
    const schema = resolveMember(session, member, parent);
    if (schema !== undefined) readChild(session, member, { schema, parent });
  }
  for (const member of node.members) {
    if (member.name.startsWith('@')) readAnnotations(session, member, parent);
  }
}

/** The schema node that a member's name stands for (RFC 7951 §4). */
function resolveMember(
  session: InstanceSession,
  member: JsonMember,
  parent: InstanceNode,
): DataNode | undefined {
  const { name, nameSpan } = member;
  const path = instancePath(parent);
  const colon = name.indexOf(':');
  const local = name.slice(colon + 1);
  const above = parent.schema;
  const module = colon < 0 ? above?.module : session.context.findModule(name.slice(0, colon));
  const found = module && childSchema(session, above, { module, name: local });
  if (found !== undefined && fits(session, found)) return found;
  if (colon < 0 && above === undefined) {
    const modules = session.context.modules.filter((candidate) =>
      dataChildren(candidate).some((child) => child.name === local),
    );
    const hint = modules[0] === undefined ? undefined : `Write "${modules[0].name}:${local}"`;
    session.reporter.report('unqualified-member', nameSpan, { name, path }, { hint });
    return undefined;
  }
  const hint = suggestMember(session, { local, above, module });
  session.reporter.report('unknown-member', nameSpan, { name, path }, { hint });
  return undefined;
}

/** Top-level operations and notifications are there only in documents of their kind. */
function fits(session: InstanceSession, schema: DataNode): boolean {
  const { content } = session;
  if (schema.kind === 'rpc' || schema.kind === 'action')
    return content === 'rpc' || content === 'reply';
  return schema.kind !== 'notification' || content === 'notification';
}

function suggestMember(
  session: InstanceSession,
  {
    local,
    above,
    module,
  }: { local: string; above: DataNode | undefined; module: Module | undefined },
): string | undefined {
  const siblings =
    above === undefined
      ? module === undefined
        ? []
        : dataChildren(module)
      : dataChildren(partOf(session, above));
  const elsewhere = siblings.find((child) => child.name === local);
  if (elsewhere !== undefined) return `Write "${elsewhere.module.name}:${local}"`;
  return didYouMean(
    local,
    siblings.map((child) => child.name),
  );
}

interface ChildPlace {
  schema: DataNode;
  parent: InstanceNode;
}

function readChild(session: InstanceSession, member: JsonMember, place: ChildPlace): void {
  const { schema, parent } = place;
  if (session.content === 'config' && !schema.config) {
    const path = instancePath(createInstance(schema, parent));
    session.reporter.report('state-data', member.nameSpan, { path });
    return;
  }
  const span = member.nameSpan;
  switch (schema.kind) {
    case 'leaf':
      readLeaf(session, member.value, { schema, parent, span });
      return;
    case 'leaf-list':
      for (const item of itemsOf(session, member.value, place)) {
        readLeaf(session, item, { schema, parent, span: item.span });
      }
      return;
    case 'list':
      for (const item of itemsOf(session, member.value, place)) {
        readEntry(session, item, { schema, parent });
      }
      return;
    case 'anydata':
      if (member.value.kind !== 'object') {
        const path = instancePath(createInstance(schema, parent));
        reportKind(session, member.value, { path, expected: 'an object' });
        return;
      }
      add(createInstance(schema, parent, { span, anything: plainJson(member.value) }));
      return;
    case 'anyxml':
      add(createInstance(schema, parent, { span, anything: plainJson(member.value) }));
      return;
    default: {
      const node = createInstance(schema, parent, { span });
      add(node);
      readMembers(session, member.value, node);
    }
  }
}

function add(node: InstanceNode): void {
  node.parent?.children.push(node);
}

function itemsOf(
  session: InstanceSession,
  node: JsonNode,
  { schema, parent }: ChildPlace,
): JsonNode[] {
  if (node.kind === 'array') return node.items;
  const path = instancePath(parent);
  const expected = `an array of ${schema.kind === 'list' ? 'objects' : 'values'}`;
  reportKind(session, node, { path: `"${schema.name}" in ${path}`, expected });
  return [];
}

function reportKind(
  session: InstanceSession,
  node: JsonNode,
  { path, expected }: { path: string; expected: string },
): void {
  const value = plainJson(node);
  const kind =
    node.kind === 'scalar' ? (value === null ? 'null' : `a ${typeof value}`) : `an ${node.kind}`;
  session.reporter.report('json-type', node.span, { path, found: kind, expected });
}

function readLeaf(
  session: InstanceSession,
  node: JsonNode,
  { schema, parent, span }: { schema: LeafNode | LeafListNode; parent: InstanceNode; span: Span },
): void {
  const json = plainJson(node);
  const names = namesOfData((name) => session.context.findModule(name), schema.module);
  const read = readJson(schema.type, json, names);
  const instance = createInstance(schema, parent, { span });
  // One with a wrong value is kept: it is there, and must not be reported as missing too.
  add(instance);
  if (read.ok) {
    instance.value = read.value;
    return;
  }
  const path =
    schema.kind === 'leaf' ? instancePath(instance) : `${instancePath(parent)}/${schema.name}`;
  const problem = read.errorMessage ?? read.problem;
  const parameters = { path, value: show(json), problem };
  const hint = read.errorMessage === undefined ? undefined : `The value ${read.problem}`;
  session.reporter.report('invalid-value', node.span, parameters, { hint });
}

function readEntry(
  session: InstanceSession,
  node: JsonNode,
  { schema, parent }: { schema: ListNode; parent: InstanceNode },
): void {
  const entry = createInstance(schema, parent, { span: node.span });
  add(entry);
  readMembers(session, node, entry);
  if (node.kind !== 'object') return;
  for (const key of schema.key?.leafs ?? []) {
    // One with a wrong value was reported already.
    const given = node.members.some(({ name }) => name.replace(/^.*:/, '') === key.name);
    if (given) continue;
    const path = `${parent.schema === undefined ? '' : instancePath(parent)}/${schema.name}`;
    session.reporter.report('missing-key', node.span, { path, key: key.name });
  }
}
