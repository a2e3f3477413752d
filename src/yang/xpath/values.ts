/** Values of XPath 1.0 (§3, §4) over instance data, and their conversions. */
import type { InstanceNode } from '../instance/tree.ts';

/** Nodes are in document order and without repetitions. */
export type XPathValue = InstanceNode[] | string | number | boolean;

/** The string-value of a node (XPath 1.0 §5): of an inner node, all text below it. */
export function nodeString(node: InstanceNode): string {
  if (node.value !== undefined) return node.value.canonical;
  return node.children.map(nodeString).join('');
}

export function toText(value: XPathValue): string {
  if (Array.isArray(value)) return value[0] === undefined ? '' : nodeString(value[0]);
  if (typeof value !== 'number') return String(value);
  if (Object.is(value, -0)) return '0';
  if (!Number.isFinite(value))
    return Number.isNaN(value) ? 'NaN' : value < 0 ? '-Infinity' : 'Infinity';
  return /e/.test(String(value)) ? plainNumber(value) : String(value);
}

/** XPath has no exponents. */
function plainNumber(value: number): string {
  return Math.abs(value) >= 1 ? BigInt(value).toString() : value.toFixed(20).replace(/0+$/, '');
}

export function toNumber(value: XPathValue): number {
  if (typeof value === 'number') return value;
  if (typeof value === 'boolean') return value ? 1 : 0;
  const text = toText(value);
  return /^[ \t\r\n]*-?(?:\d+(?:\.\d*)?|\.\d+)[ \t\r\n]*$/.test(text) ? Number(text) : NaN;
}

export function toBoolean(value: XPathValue): boolean {
  if (Array.isArray(value) || typeof value === 'string') return value.length > 0;
  return typeof value === 'number' ? value !== 0 && !Number.isNaN(value) : value;
}

/** Sorts nodes into document order and takes repetitions out. */
export function documentOrder(nodes: Iterable<InstanceNode>): InstanceNode[] {
  return [...new Set(nodes)].sort((one, other) => one.order - other.order);
}
