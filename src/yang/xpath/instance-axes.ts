import type { InstanceNode } from '../instance/tree.ts';
import { walkInstances } from '../instance/tree.ts';
import type { Axis } from './ast.ts';

/** Axes on which positions count backwards (XPath 1.0 §2.4). */
export const REVERSE_AXES: readonly Axis[] = [
  'ancestor',
  'ancestor-or-self',
  'preceding',
  'preceding-sibling',
];

/** The nodes on an axis, in the order of the axis: reverse axes from the context node outwards. */
export function axisNodes(axis: Axis, node: InstanceNode): InstanceNode[] {
  switch (axis) {
    case 'self':
      return [node];
    case 'child':
      return node.children;
    case 'parent':
      return node.parent === undefined ? [] : [node.parent];
    case 'ancestor':
      return ancestors(node);
    case 'ancestor-or-self':
      return [node, ...ancestors(node)];
    case 'descendant':
      return node.children.flatMap((child) => [...walkInstances(child)]);
    case 'descendant-or-self':
      return [...walkInstances(node)];
    case 'following-sibling':
      return siblings(node).slice(siblings(node).indexOf(node) + 1);
    case 'preceding-sibling':
      return siblings(node).slice(0, siblings(node).indexOf(node)).reverse();
    case 'following':
      return [node, ...ancestors(node)].flatMap((at) =>
        axisNodes('following-sibling', at).flatMap((sibling) => [...walkInstances(sibling)]),
      );
    case 'preceding':
      return [node, ...ancestors(node)].flatMap((at) =>
        axisNodes('preceding-sibling', at).flatMap((sibling) =>
          [...walkInstances(sibling)].reverse(),
        ),
      );
    default:
      return [];
  }
}

function ancestors(node: InstanceNode): InstanceNode[] {
  const found: InstanceNode[] = [];
  for (let at = node.parent; at !== undefined; at = at.parent) found.push(at);
  return found;
}

function siblings(node: InstanceNode): InstanceNode[] {
  return node.parent?.children ?? [];
}
