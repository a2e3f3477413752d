/** Two revisions of a module's data nodes, by the update rules of RFC 7950 §11. */
import type { SchemaNode } from '../../yang/schema.ts';
import type { Module } from '../../yang/schema-modules.ts';
import { isOperation, schemaPath } from '../draft/entities.ts';
import type { Difference } from './evolution.ts';
import { compareTypes } from './evolution-types.ts';

const INSTEAD = 'Add a new node with another name, and mark the old one "status deprecated".';

/** Compares the trees of data nodes of two revisions of a module. */
export function compareModules(before: Module, after: Module): Difference[] {
  const compare = new SchemaCompare();
  compare.children(before.children, after.children);
  return compare.found;
}

class SchemaCompare {
  readonly found: Difference[] = [];

  children(before: readonly SchemaNode[], after: readonly SchemaNode[]): void {
    const nameOf = (node: SchemaNode): string => `${node.module.name}:${node.name}`;
    const old = new Map(dataNodes(before).map((node) => [nameOf(node), node]));
    const now = new Map(dataNodes(after).map((node) => [nameOf(node), node]));
    for (const [name, node] of old) {
      const other = now.get(name);
      if (other === undefined) this.#add(node, `${node.kind} removed`, { hint: INSTEAD });
      else this.#node(node, other);
    }
    for (const [name, node] of now) if (!old.has(name)) this.#added(node);
  }

  #add(node: SchemaNode, what: string, rest: { allowed?: boolean; hint?: string } = {}): void {
    const { allowed = false, hint } = rest;
    this.found.push({
      path: schemaPath(node),
      what,
      allowed,
      rollout: allowed ? 'rolling' : 'together',
      position: node.position,
      ...(hint === undefined ? {} : { hint }),
    });
  }

  #added(node: SchemaNode): void {
    if (isRequired(node)) {
      const hint =
        'Give it a default, or do not make it mandatory: the rows that are there lack it.';
      this.#add(node, `mandatory ${node.kind} added`, { hint });
    } else this.#add(node, `${node.kind} added`, { allowed: true });
  }

  #node(before: SchemaNode, after: SchemaNode): void {
    if (before.kind !== after.kind) {
      this.#add(after, `${before.kind} became ${after.kind}`, { hint: INSTEAD });
      return;
    }
    this.#conditions(before, after);
    this.#leaf(before, after);
    this.#list(before, after);
    this.#presence(before, after);
    this.children(before.children, after.children);
  }

  /** Conditions may go or be relaxed; whether another text is a relaxed one cannot be known. */
  #conditions(before: SchemaNode, after: SchemaNode): void {
    const texts = (node: SchemaNode): string[] => [
      ...('musts' in node ? node.musts.map((one) => `must ${one.xpath.text}`) : []),
      ...node.whens.map((one) => `when ${one.xpath.text}`),
    ];
    const [old, now] = [texts(before), texts(after)];
    for (const text of now.filter((one) => !old.includes(one))) {
      const hint = 'Rows that are there, or that another site still writes, may break it.';
      this.#add(after, `${text} added`, { hint });
    }
    for (const text of old.filter((one) => !now.includes(one))) {
      this.#add(after, `${text} removed`, { allowed: true });
    }
  }

  #leaf(before: SchemaNode, after: SchemaNode): void {
    if (before.kind === 'leaf' && after.kind === 'leaf') {
      for (const change of compareTypes(before.type, after.type)) {
        const hint = change.allowed ? {} : { hint: INSTEAD };
        this.#add(after, change.what, { allowed: change.allowed, ...hint });
      }
      this.#mandatory(before.mandatory, after.mandatory, after);
      const [old, now] = [before.default?.canonical, after.default?.canonical];
      if (old === now) return;
      const hint = 'A default may be added but never changed: rows rely on it.';
      if (old === undefined) this.#add(after, 'default added', { allowed: true });
      else this.#add(after, now === undefined ? 'default removed' : 'default changed', { hint });
    }
    if (before.kind === 'leaf-list' && after.kind === 'leaf-list') {
      for (const change of compareTypes(before.type, after.type)) {
        this.#add(after, change.what, { allowed: change.allowed });
      }
      this.#counts(before, after, after);
    }
    if (before.kind === 'choice' && after.kind === 'choice') {
      this.#mandatory(before.mandatory, after.mandatory, after);
    }
  }

  #mandatory(before: boolean, after: boolean, node: SchemaNode): void {
    if (before === after) return;
    this.#add(node, after ? 'became mandatory' : 'is no longer mandatory', { allowed: !after });
  }

  #counts(
    before: { minElements: number; maxElements: number | 'unbounded' },
    after: { minElements: number; maxElements: number | 'unbounded' },
    node: SchemaNode,
  ): void {
    const most = (value: number | 'unbounded'): number =>
      value === 'unbounded' ? Infinity : value;
    if (before.minElements !== after.minElements) {
      const allowed = after.minElements < before.minElements;
      this.#add(node, `min-elements became ${after.minElements}`, { allowed });
    }
    if (before.maxElements !== after.maxElements) {
      const allowed = most(after.maxElements) > most(before.maxElements);
      this.#add(node, `max-elements became ${after.maxElements}`, { allowed });
    }
  }

  #list(before: SchemaNode, after: SchemaNode): void {
    if (before.kind !== 'list' || after.kind !== 'list') return;
    const keys = (node: typeof before): string =>
      node.key?.leafs.map((leaf) => leaf.name).join(' ') ?? '';
    if (keys(before) !== keys(after)) {
      this.#add(after, `key became "${keys(after)}"`, { hint: INSTEAD });
    }
    const uniques = (node: typeof before): string[] => node.uniques.map((one) => one.text);
    for (const text of uniques(after).filter((one) => !uniques(before).includes(one))) {
      this.#add(after, `unique "${text}" added`);
    }
    for (const text of uniques(before).filter((one) => !uniques(after).includes(one))) {
      this.#add(after, `unique "${text}" removed`, { allowed: true });
    }
    this.#counts(before, after, after);
  }

  #presence(before: SchemaNode, after: SchemaNode): void {
    if (before.kind !== 'container' || after.kind !== 'container') return;
    const [old, now] = [before.presence !== undefined, after.presence !== undefined];
    if (old !== now) this.#add(after, now ? 'presence added' : 'presence removed');
  }
}

function dataNodes(nodes: readonly SchemaNode[]): SchemaNode[] {
  return nodes.filter((node) => node.realm === 'data' && !isOperation(node));
}

/** A new node that existing rows would have to have. */
function isRequired(node: SchemaNode): boolean {
  switch (node.kind) {
    case 'leaf':
      return node.mandatory && node.whens.length === 0;
    case 'leaf-list':
    case 'list':
      return node.minElements > 0;
    case 'choice':
      return node.mandatory;
    case 'container':
      return node.presence === undefined && node.children.some(isRequired);
    default:
      return false;
  }
}
