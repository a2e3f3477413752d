/** Names that arguments may refer to, from the compiled schema of the text around the cursor. */
import type { CrpReader } from '../model/statements/crp-reader.ts';
import { crpChildren } from '../model/statements/crp-reader.ts';
import type { ListNode, SchemaContext, SchemaNode } from '../yang/schema.ts';
import type { Statement } from '../yang/statement.ts';
import { findSubstatements, substatementArgument } from '../yang/statement.ts';
import { walkNodes } from '../yang/tree.ts';

/** At most so many names are offered: more are of no use to a person. */
const MAX_NAMES = 500;

/** The prefixes of a file by the module that each stands for (RFC 7950 §7.1.4, §7.1.5). */
export function prefixesOf(root: Statement): Map<string, string> {
  const prefixes = new Map<string, string>();
  for (const one of findSubstatements(root, 'import')) {
    prefixes.set(one.argument ?? '', substatementArgument(one, 'prefix') ?? '');
  }
  const own = substatementArgument(root, 'prefix');
  if (own !== undefined) prefixes.set(root.argument ?? '', own);
  return prefixes;
}

/**
 * The schema nodes that a statement is about: those made from the data definition around it, several when
 * that is in a grouping, or the target of the `crp:annotate` that it is in.
 */
export function nodesAbout(context: SchemaContext, chain: readonly Statement[]): SchemaNode[] {
  const annotate = chain.findLast((one) => one.prefix !== undefined && one.name === 'annotate');
  if (annotate !== undefined) {
    const node = nodeAt(context, chain[0]!, annotate.argument ?? '');
    return node === undefined ? [] : [node];
  }
  const places = chain.filter((one) => one.prefix === undefined).map((one) => one.position);
  const nodes = [...walkNodes(context.modules.flatMap((module) => module.children))];
  for (const { file, line, column } of places.reverse()) {
    const found = nodes.filter(
      ({ statement: { position: at } }) =>
        at.line === line && at.column === column && at.file === file,
    );
    if (found.length > 0) return found;
  }
  return [];
}

/** The node at an absolute path as it is written in a file; each step has the prefix of its module. */
export function nodeAt(
  context: SchemaContext,
  root: Statement,
  path: string,
): SchemaNode | undefined {
  const modules = new Map([...prefixesOf(root)].map(([module, prefix]) => [prefix, module]));
  const steps = path.split('/').map((step) => {
    if (step === '') return '';
    const [prefix, name] = step.includes(':') ? step.split(':') : [undefined, step];
    const module = prefix === undefined ? root.argument : modules.get(prefix);
    return `${module ?? prefix ?? ''}:${name}`;
  });
  return context.findNode(steps.join('/'));
}

/** The list with `crp:entity` that a node is in, or is. */
export function entityAround(node: SchemaNode, crp: CrpReader): ListNode | undefined {
  for (let at: SchemaNode | undefined = node; at !== undefined; at = at.parent) {
    if (at.kind === 'list' && crp.one(at, 'entity') !== undefined) return at;
  }
  return undefined;
}

/** Names of the column groups of the entities around nodes; `row` is the one that every entity has. */
export function groupNames(nodes: readonly SchemaNode[], crp: CrpReader): string[] {
  const groups = nodes.flatMap((node) => {
    const list = entityAround(node, crp);
    const entity = list === undefined ? undefined : crp.one(list, 'entity');
    return crpChildren(entity, 'column-group').map((group) => group.argument ?? '');
  });
  return [...new Set([...groups, 'row'])].filter((name) => name !== '').slice(0, MAX_NAMES);
}

/** A leaf by its path from the entity, as `crp:owner-leaf` names it. */
export interface LeafPath {
  path: string;
  leaf: Extract<SchemaNode, { kind: 'leaf' }>;
}

/** The leafs of an entity without those of lists in it; choices and cases are no steps. */
export function leafPaths(entity: ListNode, prefixes: ReadonlyMap<string, string>): LeafPath[] {
  const found: LeafPath[] = [];
  const visit = (parent: SchemaNode, before: string): void => {
    for (const node of parent.children) {
      if (found.length >= MAX_NAMES) return;
      const path = `${before}${stepOf(node, entity, prefixes)}`;
      if (node.kind === 'leaf') found.push({ path, leaf: node });
      else if (node.kind === 'container') visit(node, `${path}/`);
      else if (node.kind === 'choice' || node.kind === 'case') visit(node, before);
    }
  };
  visit(entity, '');
  return found;
}

function stepOf(node: SchemaNode, entity: ListNode, prefixes: ReadonlyMap<string, string>): string {
  if (node.module === entity.module) return node.name;
  return `${prefixes.get(node.module.name) ?? node.module.name}:${node.name}`;
}

/** The next steps of an absolute path, with prefixes; only of modules that the file knows. */
export function nextSteps(context: SchemaContext, root: Statement, before: string): string[] {
  const prefixes = prefixesOf(root);
  const children =
    before === ''
      ? context.modules.flatMap((module) => module.children)
      : (nodeAt(context, root, before)?.children ?? []);
  return children
    .filter((node) => prefixes.has(node.module.name))
    .slice(0, MAX_NAMES)
    .map((node) => `${prefixes.get(node.module.name)}:${node.name}`);
}
