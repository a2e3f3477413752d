import type { InstanceNode } from '../instance/tree.ts';
import { readText } from '../types/read.ts';
import type { Names } from '../types/value.ts';
import type { BinaryOperator } from './ast.ts';
import type { XPathValue } from './values.ts';
import { nodeString, toBoolean, toNumber, toText } from './values.ts';

type Comparison = Extract<BinaryOperator, '=' | '!=' | '<' | '<=' | '>' | '>='>;

/** Comparisons of XPath 1.0 §3.4: one with a node-set holds when it holds for any of its nodes. */
export function compare(
  operator: Comparison,
  { left, right }: { left: XPathValue; right: XPathValue },
  names: Names,
): boolean {
  if (Array.isArray(left) && Array.isArray(right)) return compareSets(operator, left, right);
  if (Array.isArray(left)) return compareSet(operator, { nodes: left, value: right }, names);
  if (Array.isArray(right)) {
    return compareSet(SWAPPED[operator], { nodes: right, value: left }, names);
  }
  if (operator === '=' || operator === '!=') return equal(left, right) === (operator === '=');
  return ordered(operator, toNumber(left), toNumber(right));
}

const SWAPPED: Readonly<Record<Comparison, Comparison>> = {
  '=': '=',
  '!=': '!=',
  '<': '>',
  '<=': '>=',
  '>': '<',
  '>=': '<=',
};

function compareSets(operator: Comparison, left: InstanceNode[], right: InstanceNode[]): boolean {
  const rights = right.map(nodeString);
  if (operator === '=') {
    const known = new Set(rights);
    return left.some((node) => known.has(nodeString(node)));
  }
  return left.some((node) =>
    rights.some((other) =>
      operator === '!='
        ? nodeString(node) !== other
        : ordered(operator, toNumber(nodeString(node)), toNumber(other)),
    ),
  );
}

function compareSet(
  operator: Comparison,
  { nodes, value }: { nodes: InstanceNode[]; value: XPathValue },
  names: Names,
): boolean {
  if (typeof value === 'boolean')
    return compare(operator, { left: toBoolean(nodes), right: value }, names);
  if (operator !== '=' && operator !== '!=') {
    return nodes.some((node) => ordered(operator, toNumber(nodeString(node)), toNumber(value)));
  }
  if (typeof value === 'number') {
    return nodes.some((node) => (toNumber(nodeString(node)) === value) === (operator === '='));
  }
  const text = toText(value);
  return nodes.some((node) => sameValue(node, text, names) === (operator === '='));
}

/** Types whose values can be written in several ways. */
const SEVERAL_FORMS = ['identityref', 'decimal64', 'bits', 'instance-identifier'];

/** Whether a literal is the node's value, also when it is not written in canonical form. */
function sameValue(node: InstanceNode, text: string, names: Names): boolean {
  if (nodeString(node) === text) return true;
  const type = node.value?.type;
  if (type === undefined || !SEVERAL_FORMS.includes(type.base)) return false;
  const read = readText(type, text, names);
  return read.ok && read.value.canonical === node.value?.canonical;
}

function equal(left: XPathValue, right: XPathValue): boolean {
  if (typeof left === 'boolean' || typeof right === 'boolean')
    return toBoolean(left) === toBoolean(right);
  if (typeof left === 'number' || typeof right === 'number')
    return toNumber(left) === toNumber(right);
  return left === right;
}

function ordered(operator: Comparison, left: number, right: number): boolean {
  switch (operator) {
    case '<':
      return left < right;
    case '<=':
      return left <= right;
    case '>':
      return left > right;
    default:
      return left >= right;
  }
}
