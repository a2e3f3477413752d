import type { LeafListNode, LeafNode, SchemaNode } from '../schema.ts';
import type { LeafrefType, ResolvedType } from '../schema-types.ts';
import { spanOf } from '../source.ts';
import type { PathExpression } from '../xpath/ast.ts';
import type { BindOptions } from '../xpath/bind.ts';
import { bindXPath } from '../xpath/bind.ts';
import type { Session } from './session.ts';

/** Gives every leafref of a leaf's type its own path, bound at the leaf, and its target (RFC 7950 §9.9). */
export function bindLeafrefs(
  session: Session,
  node: LeafNode | LeafListNode,
  options: Omit<BindOptions, 'isPath' | 'realm'>,
): void {
  if (!holdsLeafref(node.type)) return;
  const bind = (type: ResolvedType): ResolvedType => {
    if (type.base === 'union') return { ...type, members: type.members.map(bind) };
    return type.base === 'leafref' ? bindLeafref(session, type, { node, options }) : type;
  };
  node.type = bind(node.type);
}

function holdsLeafref(type: ResolvedType): boolean {
  return type.base === 'leafref' || (type.base === 'union' && type.members.some(holdsLeafref));
}

function bindLeafref(
  session: Session,
  type: LeafrefType,
  {
    node,
    options,
  }: { node: LeafNode | LeafListNode; options: Omit<BindOptions, 'isPath' | 'realm'> },
): LeafrefType {
  const path = { ...type.path, context: node, targets: new Map() };
  let failed = false;
  const report: BindOptions['report'] = (diagnostic) => {
    failed = true;
    options.report(withUser(diagnostic, node, type));
  };
  bindXPath(path, { ...options, realm: node.realm, isPath: true, report });
  const steps = (path.expression as PathExpression).steps;
  const [target] = path.targets.get(steps.at(-1)!) ?? [];
  if (target === undefined || failed) return { ...type, path };
  if (target.kind !== 'leaf' && target.kind !== 'leaf-list') {
    const problem = `the path leads to ${target.kind} "${target.name}", not to a leaf or leaf-list`;
    reportPath(session, { type, node, target, problem });
    return { ...type, path };
  }
  if (type.requireInstance && node.config && !target.config && node.realm === 'data') {
    const problem = `the configuration leaf "${node.name}" refers to state data "${target.name}"`;
    reportPath(session, { type, node, target, problem });
  }
  return { ...type, path, target };
}

/** A problem of a typedef's or grouping's path also says for which leaf it arose. */
function withUser(
  diagnostic: Parameters<BindOptions['report']>[0],
  node: SchemaNode,
  type: LeafrefType,
): typeof diagnostic {
  if (type.typedefs.length === 0) return diagnostic;
  const place = { message: `the type is used by "${node.name}" here`, position: node.position };
  return { ...diagnostic, related: [...(diagnostic.related ?? []), place] };
}

function reportPath(
  session: Session,
  found: { type: LeafrefType; node: SchemaNode; target: SchemaNode; problem: string },
): void {
  const { type, target, problem } = found;
  const related = [{ message: `"${target.name}" is defined here`, position: target.position }];
  const hint = problem.includes('state data')
    ? 'Add "require-instance false", or refer to configuration'
    : undefined;
  const span = spanOf(type.path.position, type.path.text.length);
  session.reporter.report('bad-path', span, { problem }, { hint, related });
}

/** Reports leafrefs that lead to themselves, directly or through others, and cuts them. */
export function cutLeafrefCycles(
  session: Session,
  nodes: readonly (LeafNode | LeafListNode)[],
): void {
  for (const node of nodes) {
    const seen = new Set<SchemaNode>();
    const visit = (at: LeafNode | LeafListNode): boolean => {
      if (seen.has(at)) return at === node;
      seen.add(at);
      return leafrefsOf(at.type).some((type) => type.target !== undefined && visit(type.target));
    };
    if (!holdsLeafref(node.type) || !visit(node)) continue;
    const [type] = leafrefsOf(node.type);
    const span = spanOf(type!.path.position, type!.path.text.length);
    session.reporter.report('reference-cycle', span, { what: 'leafref', cycle: node.name });
    for (const own of leafrefsOf(node.type)) own.target = undefined;
  }
}

function leafrefsOf(type: ResolvedType): LeafrefType[] {
  if (type.base === 'leafref') return [type];
  return type.base === 'union' ? type.members.flatMap(leafrefsOf) : [];
}
