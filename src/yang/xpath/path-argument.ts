import type { Parsed } from '../grammar/arguments.ts';
import type { Expression, PathExpression, Step } from './ast.ts';
import { parseXPath } from './parser.ts';

/**
 * Parses the argument of `path` (RFC 7950 §9.9.2): names and `..` only, with predicates that compare a key
 * with `current()/../…`. Starting at `deref(…)` is accepted as libyang and pyang do.
 */
export function parseLeafrefPath(text: string): Parsed<PathExpression> {
  const parsed = parseXPath(text);
  if (!parsed.ok) return parsed;
  const path = parsed.value;
  const whole = { offset: 0, length: text.length };
  if (path.kind !== 'path' || path.steps.length === 0) {
    return { ok: false, error: { ...whole, problem: 'not a path to a leaf' } };
  }
  const start = path.start === undefined || isDeref(path.start);
  const wrong = path.steps.find((step) => !isPathStep(step));
  const last = path.steps.at(-1)!;
  if (start && wrong === undefined && last.axis === 'child') return { ok: true, value: path };
  const { offset, length } = wrong ?? (start ? last : path.start!);
  const problem = 'a path holds only names, ".." and predicates like [key = current()/../leaf]';
  return { ok: false, error: { offset, length, problem } };
}

function isDeref(expression: Expression): boolean {
  return expression.kind === 'call' && expression.name === 'deref';
}

function isPathStep(step: Step): boolean {
  if (step.axis === 'parent') return step.predicates.length === 0;
  const named = step.axis === 'child' && step.test.kind === 'name' && step.test.name !== '*';
  return named && step.predicates.every(isKeyPredicate);
}

/** `key = current()/../…/leaf`. */
function isKeyPredicate(predicate: Expression): boolean {
  if (predicate.kind !== 'binary' || predicate.operator !== '=') return false;
  const { left, right } = predicate;
  if (
    left.kind !== 'path' ||
    left.absolute ||
    left.start !== undefined ||
    left.steps.length !== 1
  ) {
    return false;
  }
  if (right.kind !== 'path' || right.start?.kind !== 'call') return false;
  const steps = right.steps.every((step) => isPathStep(step) && step.predicates.length === 0);
  return right.start.name === 'current' && steps;
}
