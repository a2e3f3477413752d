/** Evaluation of XPath 1.0 on instance data (RFC 7950 §6.4.1). */
import type { InstanceNode } from '../instance/tree.ts';
import { rootOf } from '../instance/tree.ts';
import type { BoundXPath } from '../schema.ts';
import type { Module, PrefixScope } from '../schema-modules.ts';
import { namesOfScope } from '../types/names.ts';
import type { Names } from '../types/value.ts';
import type { BinaryExpression, Expression, PathExpression, Step } from './ast.ts';
import { compare } from './compare.ts';
import { callFunction } from './functions.ts';
import { REVERSE_AXES, axisNodes } from './instance-axes.ts';
import type { XPathValue } from './values.ts';
import { documentOrder, toBoolean, toNumber } from './values.ts';

/** Finds what leafrefs and instance-identifiers among the nodes refer to. */
export type Dereference = (nodes: readonly InstanceNode[]) => InstanceNode[];

/** What stays the same while an expression is evaluated. */
export interface Evaluation {
  /** The node that `current()` is. */
  current: InstanceNode;
  scope: PrefixScope;
  names: Names;
  /** Module of names without prefix. */
  module: Module;
  dereference: Dereference;
}

/** The context node with its place among the nodes that are filtered (XPath 1.0 §1). */
export interface Focus {
  node: InstanceNode;
  position: number;
  size: number;
}

/** The value of an expression at a node. */
export function evaluateXPath(
  xpath: BoundXPath,
  node: InstanceNode,
  dereference: Dereference,
): XPathValue {
  const evaluation: Evaluation = {
    current: node,
    scope: xpath.scope,
    names: namesOfScope(xpath.scope),
    module: xpath.context?.module ?? xpath.scope.module,
    dereference,
  };
  return evaluate(xpath.expression, { node, position: 1, size: 1 }, evaluation);
}

function evaluate(expression: Expression, focus: Focus, evaluation: Evaluation): XPathValue {
  switch (expression.kind) {
    case 'literal':
    case 'number':
      return expression.value;
    case 'variable':
      return [];
    case 'negate':
      return -toNumber(evaluate(expression.operand, focus, evaluation));
    case 'binary':
      return evaluateBinary(expression, focus, evaluation);
    case 'union': {
      const sets = [expression.left, expression.right].map((side) =>
        evaluate(side, focus, evaluation),
      );
      return documentOrder(sets.flatMap((set) => (Array.isArray(set) ? set : [])));
    }
    case 'call': {
      const values = expression.arguments.map((argument) => evaluate(argument, focus, evaluation));
      return callFunction(expression.name, values, { focus, evaluation });
    }
    case 'filter': {
      const value = evaluate(expression.primary, focus, evaluation);
      return Array.isArray(value) ? filter(value, expression.predicates, evaluation) : value;
    }
    case 'path':
      return evaluatePath(expression, focus, evaluation);
  }
}

function evaluateBinary(
  binary: BinaryExpression,
  focus: Focus,
  evaluation: Evaluation,
): XPathValue {
  const { operator } = binary;
  const left = evaluate(binary.left, focus, evaluation);
  if (operator === 'and' && !toBoolean(left)) return false;
  if (operator === 'or' && toBoolean(left)) return true;
  const right = evaluate(binary.right, focus, evaluation);
  switch (operator) {
    case 'and':
    case 'or':
      return toBoolean(right);
    case '+':
      return toNumber(left) + toNumber(right);
    case '-':
      return toNumber(left) - toNumber(right);
    case '*':
      return toNumber(left) * toNumber(right);
    case 'div':
      return toNumber(left) / toNumber(right);
    case 'mod':
      return toNumber(left) % toNumber(right);
    default:
      return compare(operator, { left, right }, evaluation.names);
  }
}

function evaluatePath(path: PathExpression, focus: Focus, evaluation: Evaluation): XPathValue {
  let nodes: InstanceNode[] = [focus.node];
  if (path.absolute) nodes = [rootOf(focus.node)];
  if (path.start !== undefined) {
    const start = evaluate(path.start, focus, evaluation);
    nodes = Array.isArray(start) ? start : [];
  }
  for (const step of path.steps) {
    const found = nodes.flatMap((node) => evaluateStep(step, node, evaluation));
    // From one node, a forward axis gives document order and nothing twice.
    const sorted = nodes.length === 1 && !REVERSE_AXES.includes(step.axis);
    nodes = sorted ? found : documentOrder(found);
  }
  return nodes;
}

function evaluateStep(step: Step, node: InstanceNode, evaluation: Evaluation): InstanceNode[] {
  // A leaf stands for its text too: both have the same string-value.
  const isText = step.test.kind === 'text' && step.axis === 'child';
  if (isText) return filter(node.value === undefined ? [] : [node], step.predicates, evaluation);
  const matching = axisNodes(step.axis, node).filter((found) => matches(step, found, evaluation));
  return filter(matching, step.predicates, evaluation);
}

function matches({ test }: Step, node: InstanceNode, evaluation: Evaluation): boolean {
  if (test.kind === 'node') return true;
  if (test.kind === 'text') return node.value !== undefined;
  if (test.kind !== 'name' || node.schema === undefined) return false;
  if (test.name !== '*' && test.name !== node.schema.name) return false;
  if (test.prefix !== undefined)
    return evaluation.scope.resolve(test.prefix) === node.schema.module;
  return test.name === '*' || node.schema.module === evaluation.module;
}

/** Predicates: a number is a position, anything else a condition (XPath 1.0 §2.4). */
function filter(
  nodes: InstanceNode[],
  predicates: readonly Expression[],
  evaluation: Evaluation,
): InstanceNode[] {
  let left = nodes;
  for (const predicate of predicates) {
    const size = left.length;
    left = left.filter((node, index) => {
      const position = index + 1;
      const value = evaluate(predicate, { node, position, size }, evaluation);
      return typeof value === 'number' ? value === position : toBoolean(value);
    });
  }
  return left;
}
