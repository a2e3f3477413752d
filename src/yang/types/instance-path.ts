/** Values of instance-identifier (RFC 7950 §9.13, RFC 7951 §6.11). */
import type { SchemaNode } from '../schema.ts';
import type { Module } from '../schema-modules.ts';
import type { InstanceIdentifierType } from '../schema-types.ts';
import { findDataChild } from '../tree.ts';
import { readText } from './read.ts';
import type { Names, ReadValue } from './value.ts';
import { accepted, refused } from './value.ts';

/** One node of an instance path. */
export interface InstanceStep {
  node: SchemaNode;
  predicates: InstancePredicate[];
}

/** `[key='…']`, `[.='…']` or `[3]`; a key has its canonical value. */
export type InstancePredicate =
  | { kind: 'key'; node: SchemaNode; value: string }
  | { kind: 'self'; value: string }
  | { kind: 'position'; position: number };

const STEP = /\/(?:([A-Za-z_][\w.-]*):)?([A-Za-z_][\w.-]*)/y;
const PREDICATE =
  /\[\s*(?:(\d+)|(\.)|(?:([A-Za-z_][\w.-]*):)?([A-Za-z_][\w.-]*))\s*(?:=\s*(?:"([^"]*)"|'([^']*)')\s*)?\]/y;

/** An instance-identifier value, in the form of RFC 7951: module names only where they change. */
export function readInstancePath(
  type: InstanceIdentifierType,
  text: string,
  names: Names,
): ReadValue {
  const steps = parseInstancePath(text, names);
  return typeof steps === 'string' ? refused(steps) : accepted(type, formatInstancePath(steps));
}

/** The steps of an instance path, or what is wrong with it. */
export function parseInstancePath(text: string, names: Names): InstanceStep[] | string {
  const steps: InstanceStep[] = [];
  let at = 0;
  let parent: SchemaNode | undefined;
  while (at < text.length) {
    STEP.lastIndex = at;
    const match = STEP.exec(text);
    if (match === null) return `is not an instance path: "${text.slice(at, at + 20)}"`;
    at = STEP.lastIndex;
    const module = moduleOf(match[1], { parent, names });
    const node = module && findDataChild(parent ?? module, module.name, match[2]!);
    if (node === undefined) return `names a node "${match[0].slice(1)}" that does not exist`;
    const qualified = match[1] !== undefined && parent?.module === module;
    if (qualified && !names.schemaText) {
      return `writes the module of "${match[2]}", which is that of the node before it`;
    }
    const step: InstanceStep = { node, predicates: [] };
    for (PREDICATE.lastIndex = at; text[at] === '['; PREDICATE.lastIndex = at) {
      const predicate = readPredicate(PREDICATE.exec(text), { node, names });
      if (typeof predicate === 'string') return predicate;
      step.predicates.push(predicate);
      at = PREDICATE.lastIndex;
    }
    const problem = predicateProblem(step);
    if (problem !== undefined) return problem;
    steps.push(step);
    parent = node;
  }
  return steps.length === 0 ? 'is empty' : steps;
}

/** An instance path names one instance: by all keys, by the value, or in a list without keys by position. */
function predicateProblem({ node, predicates }: InstanceStep): string | undefined {
  const position = predicates.some((predicate) => predicate.kind === 'position');
  if (node.kind === 'list' && node.key !== undefined) {
    if (position) return `has a position for "${node.name}", which has keys`;
    return predicates.length === node.key.leafs.length
      ? undefined
      : `needs every key of list "${node.name}"`;
  }
  if (node.kind === 'leaf-list' && position && node.config) {
    return `has a position for leaf-list "${node.name}", whose values are unique`;
  }
  const entries = node.kind === 'leaf-list' || node.kind === 'list';
  if (entries && predicates.length !== 1)
    return `needs a predicate for ${node.kind} "${node.name}"`;
  return entries || predicates.length === 0
    ? undefined
    : `has a predicate for ${node.kind} "${node.name}"`;
}

function moduleOf(
  prefix: string | undefined,
  { parent, names }: { parent: SchemaNode | undefined; names: Names },
): Module | undefined {
  if (prefix !== undefined) return names.resolve(prefix);
  return parent?.module;
}

function readPredicate(
  match: RegExpExecArray | null,
  { node, names }: { node: SchemaNode; names: Names },
): InstancePredicate | string {
  if (match === null) return 'has a predicate that cannot be read';
  const [, position, self, prefix, name, double, single] = match;
  const text = double ?? single;
  if (position !== undefined) return { kind: 'position', position: Number(position) };
  if (text === undefined) return 'has a predicate without a value';
  if (self !== undefined) {
    if (node.kind !== 'leaf-list') return `compares "." of "${node.name}", which is no leaf-list`;
    const value = readText(node.type, text, names);
    return value.ok ? { kind: 'self', value: value.value.canonical } : `"${text}" ${value.problem}`;
  }
  const module = moduleOf(prefix, { parent: node, names });
  const key = module && findDataChild(node, module.name, name!);
  if (key?.kind !== 'leaf' || !key.isKey)
    return `compares "${name}", which is no key of "${node.name}"`;
  const value = readText(key.type, text, names);
  if (!value.ok) return `has the key ${name} "${text}", which ${value.problem}`;
  return { kind: 'key', node: key, value: value.value.canonical };
}

/** An instance path in the form of RFC 7951 §6.11. */
export function formatInstancePath(steps: readonly InstanceStep[]): string {
  let module: Module | undefined;
  return steps
    .map(({ node, predicates }) => {
      const name = node.module === module ? node.name : `${node.module.name}:${node.name}`;
      module = node.module;
      return `/${name}${predicates.map((predicate) => formatPredicate(predicate, node)).join('')}`;
    })
    .join('');
}

function formatPredicate(predicate: InstancePredicate, parent: SchemaNode): string {
  switch (predicate.kind) {
    case 'position':
      return `[${predicate.position}]`;
    case 'self':
      return `[.=${quoteValue(predicate.value)}]`;
    case 'key': {
      const { node, value } = predicate;
      const name = node.module === parent.module ? node.name : `${node.module.name}:${node.name}`;
      return `[${name}=${quoteValue(value)}]`;
    }
  }
}

/** A value between quotes that do not occur in it. */
export function quoteValue(value: string): string {
  return value.includes("'") ? `"${value}"` : `'${value}'`;
}
