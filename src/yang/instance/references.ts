/** What leafrefs and instance-identifiers refer to (RFC 7950 §9.9.3, §9.13). */
import type { LeafrefType, ResolvedType } from '../schema-types.ts';
import { schemaPath } from '../tree.ts';
import type { InstanceStep } from '../types/instance-path.ts';
import { parseInstancePath } from '../types/instance-path.ts';
import { namesOfData } from '../types/names.ts';
import { readText } from '../types/read.ts';
import type { PathExpression } from '../xpath/ast.ts';
import { evaluateXPath } from '../xpath/evaluate.ts';
import { nodeString } from '../xpath/values.ts';
import type { InstanceSession } from './session.ts';
import { realmOf, spanOfNode } from './session.ts';
import type { InstanceNode } from './tree.ts';
import { instancePath, leafValue, rootOf } from './tree.ts';

export class References {
  readonly #session: InstanceSession;
  /** Values that absolute paths without predicates select: they are the same at every leaf. */
  readonly #values = new Map<string, Map<string, InstanceNode>>();

  constructor(session: InstanceSession) {
    this.#session = session;
  }

  /** The nodes that the first of the given nodes refers to; the argument of `deref()`. */
  readonly dereference = (nodes: readonly InstanceNode[]): InstanceNode[] => {
    const [node] = nodes;
    if (node?.schema === undefined || node.value === undefined) return [];
    if (node.value.type.base === 'instance-identifier') return this.#instanceAt(node);
    if (node.schema.kind !== 'leaf' && node.schema.kind !== 'leaf-list') return [];
    const found = leafrefsOf(node.schema.type).map((type) => this.#targetOf(type, node));
    return found.filter((target) => target !== undefined).slice(0, 1);
  };

  /** Reports a reference that leads to nothing although its type requires an instance. */
  check(node: InstanceNode): void {
    const { schema, value } = node;
    if (value === undefined || (schema?.kind !== 'leaf' && schema?.kind !== 'leaf-list')) return;
    if (value.type.base === 'instance-identifier') {
      if (value.type.requireInstance && this.#instanceAt(node).length === 0) {
        this.#report(node, 'node at that path');
      }
      return;
    }
    this.#checkType(schema.type, node);
  }

  #checkType(type: ResolvedType, node: InstanceNode): void {
    const missing = this.#missing(type, node);
    if (missing !== undefined) this.#report(node, schemaPath(missing.target!));
  }

  /** The leafref that cannot be satisfied; in a union another member may still accept the value. */
  #missing(type: ResolvedType, node: InstanceNode): LeafrefType | undefined {
    if (type.base === 'leafref') {
      const { target, requireInstance } = type;
      if (target === undefined || !requireInstance || !this.#reachable(type)) return undefined;
      return this.#targetOf(type, node) === undefined ? type : undefined;
    }
    if (type.base !== 'union') return undefined;
    let first: LeafrefType | undefined;
    for (const member of type.members) {
      if (!this.#accepts(member, node)) continue;
      const missing = this.#missing(member, node);
      if (missing === undefined) return undefined;
      first ??= missing;
    }
    return first;
  }

  #accepts(member: ResolvedType, node: InstanceNode): boolean {
    const names = namesOfData(
      (name) => this.#session.context.findModule(name),
      node.schema!.module,
    );
    return readText(member, node.value!.canonical, names).ok;
  }

  /** A document of an operation holds no datastore: references out of the operation cannot be checked. */
  #reachable(type: LeafrefType): boolean {
    const realm = realmOf(this.#session.content);
    return realm === 'data' || type.target?.realm === realm;
  }

  #targetOf(type: LeafrefType, node: InstanceNode): InstanceNode | undefined {
    const text = node.value!.canonical;
    const { steps, absolute } = type.path.expression as PathExpression;
    if (!absolute || steps.some((step) => step.predicates.length > 0)) {
      const nodes = evaluateXPath(type.path, node, this.dereference);
      return Array.isArray(nodes) ? nodes.find((other) => nodeString(other) === text) : undefined;
    }
    const key = schemaPath(type.target!);
    let values = this.#values.get(key);
    if (values === undefined) {
      const nodes = evaluateXPath(type.path, node, this.dereference);
      values = new Map(
        (Array.isArray(nodes) ? nodes : []).map((other) => [nodeString(other), other]),
      );
      this.#values.set(key, values);
    }
    return values.get(text);
  }

  #instanceAt(node: InstanceNode): InstanceNode[] {
    const names = namesOfData(
      (name) => this.#session.context.findModule(name),
      node.schema!.module,
    );
    const steps = parseInstancePath(node.value!.canonical, names);
    if (typeof steps === 'string') return [];
    let nodes: InstanceNode[] = [rootOf(node)];
    for (const step of steps) nodes = nodes.flatMap((at) => selectStep(at, step));
    return nodes;
  }

  #report(node: InstanceNode, target: string): void {
    const parameters = { path: instancePath(node), value: node.value!.canonical, target };
    this.#session.reporter.report('instance-required', spanOfNode(this.#session, node), parameters);
  }
}

function selectStep(parent: InstanceNode, { node, predicates }: InstanceStep): InstanceNode[] {
  let found = parent.children.filter((child) => child.schema === node);
  for (const predicate of predicates) {
    found = found.filter((child, index) => {
      if (predicate.kind === 'position') return index + 1 === predicate.position;
      if (predicate.kind === 'self') return child.value?.canonical === predicate.value;
      return leafValue(child, predicate.node) === predicate.value;
    });
  }
  return found;
}

function leafrefsOf(type: ResolvedType): LeafrefType[] {
  if (type.base === 'leafref') return [type];
  return type.base === 'union' ? type.members.flatMap(leafrefsOf) : [];
}
