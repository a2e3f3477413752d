import type { Parsed } from '../grammar/arguments.ts';
import type { Axis, BinaryOperator, Expression, NodeTest, PathExpression, Step } from './ast.ts';
import type { XPathProblem, XPathToken } from './lexer.ts';
import { tokenize } from './lexer.ts';

/** Nesting of parentheses and predicates beyond this is refused, so that no later step runs out of stack. */
const MAX_DEPTH = 60;

const AXES: ReadonlySet<string> = new Set<Axis>([
  'ancestor',
  'ancestor-or-self',
  'attribute',
  'child',
  'descendant',
  'descendant-or-self',
  'following',
  'following-sibling',
  'namespace',
  'parent',
  'preceding',
  'preceding-sibling',
  'self',
]);

/** Binary operators from the loosest to the tightest (XPath 1.0 §3.4, §3.5). */
const LEVELS: readonly (readonly string[])[] = [
  ['or'],
  ['and'],
  ['=', '!='],
  ['<', '<=', '>', '>='],
  ['+', '-'],
  ['*', 'div', 'mod'],
];

const parsed = new Map<string, Parsed<Expression>>();

/** Results of this many texts are remembered: modules repeat the same few conditions very often. */
const REMEMBERED = 5000;

/** Parses an XPath 1.0 expression. */
export function parseXPath(text: string): Parsed<Expression> {
  const known = parsed.get(text);
  if (known !== undefined) return known;
  const result = parse(text);
  if (parsed.size >= REMEMBERED) parsed.clear();
  parsed.set(text, result);
  return result;
}

function parse(text: string): Parsed<Expression> {
  const tokens = tokenize(text);
  if (!Array.isArray(tokens)) return { ok: false, error: tokens };
  try {
    return { ok: true, value: new XPathParser(tokens).parse() };
  } catch (error) {
    if (error instanceof SyntaxProblem) return { ok: false, error: error.place };
    throw error;
  }
}

class SyntaxProblem extends Error {
  readonly place: XPathProblem;

  constructor(place: XPathProblem) {
    super(place.problem);
    this.place = place;
  }
}

class XPathParser {
  readonly #tokens: XPathToken[];
  #at = 0;
  #depth = 0;

  constructor(tokens: XPathToken[]) {
    this.#tokens = tokens;
  }

  parse(): Expression {
    const expression = this.#expression();
    if (this.#token.kind !== 'end') this.#fail(`"${this.#token.text}" is not expected here`);
    return expression;
  }

  get #token(): XPathToken {
    return this.#tokens[this.#at]!;
  }

  #fail(problem: string): never {
    const { offset, text } = this.#token;
    throw new SyntaxProblem({ offset, length: text.length || 1, problem });
  }

  #accept(text: string): boolean {
    const { kind } = this.#token;
    const symbol = kind === 'operator' || kind === 'punctuation';
    if (!symbol || this.#token.text !== text) return false;
    this.#at += 1;
    return true;
  }

  #expect(text: string): void {
    if (this.#accept(text)) return;
    const found = this.#token.kind === 'end' ? 'the end' : `"${this.#token.text}"`;
    this.#fail(`"${text}" is expected, not ${found}`);
  }

  /** Offset and length of what was read since `offset`. */
  #since(offset: number): { offset: number; length: number } {
    const last = this.#tokens[this.#at - 1] ?? this.#token;
    return { offset, length: last.offset + last.text.length - offset };
  }

  #expression(): Expression {
    this.#depth += 1;
    if (this.#depth > MAX_DEPTH) this.#fail('the expression is nested too deeply');
    const value = this.#binary(0);
    this.#depth -= 1;
    return value;
  }

  #binary(level: number): Expression {
    const operators = LEVELS[level];
    if (operators === undefined) return this.#unary();
    const { offset } = this.#token;
    let left = this.#binary(level + 1);
    while (this.#token.kind === 'operator' && operators.includes(this.#token.text)) {
      const operator = this.#token.text as BinaryOperator;
      this.#at += 1;
      const right = this.#binary(level + 1);
      left = { kind: 'binary', operator, left, right, ...this.#since(offset) };
    }
    return left;
  }

  #unary(): Expression {
    const { offset } = this.#token;
    if (!this.#accept('-')) return this.#union();
    this.#depth += 1;
    if (this.#depth > MAX_DEPTH) this.#fail('the expression is nested too deeply');
    const operand = this.#unary();
    this.#depth -= 1;
    return { kind: 'negate', operand, ...this.#since(offset) };
  }

  #union(): Expression {
    const { offset } = this.#token;
    let left = this.#path();
    while (this.#accept('|')) {
      const right = this.#path();
      left = { kind: 'union', left, right, ...this.#since(offset) };
    }
    return left;
  }

  #path(): Expression {
    const { kind, text, offset } = this.#token;
    const primary =
      kind === 'literal' ||
      kind === 'number' ||
      kind === 'variable' ||
      kind === 'function' ||
      text === '(';
    if (!primary || kind === 'name') return this.#locationPath();
    const filter = this.#filter();
    const steps: Step[] = [];
    if (!this.#separators(steps)) return filter;
    this.#relative(steps);
    return { kind: 'path', absolute: false, start: filter, steps, ...this.#since(offset) };
  }

  #locationPath(): PathExpression {
    const { offset } = this.#token;
    const steps: Step[] = [];
    const absolute = this.#separators(steps);
    if (!absolute || steps.length > 0 || this.#startsStep()) this.#relative(steps);
    return { kind: 'path', absolute, start: undefined, steps, ...this.#since(offset) };
  }

  /** Accepts `/` or `//`, the latter adding the step that it abbreviates. */
  #separators(steps: Step[]): boolean {
    const { offset } = this.#token;
    if (this.#accept('/')) return true;
    if (!this.#accept('//')) return false;
    steps.push(abbreviated('descendant-or-self', { offset, length: 2 }));
    return true;
  }

  #startsStep(): boolean {
    const { kind, text } = this.#token;
    if (kind === 'name' || kind === 'axis' || kind === 'node-type') return true;
    return kind === 'punctuation' && (text === '.' || text === '..' || text === '@');
  }

  #relative(steps: Step[]): void {
    do steps.push(this.#step());
    while (this.#separators(steps));
  }

  #step(): Step {
    const { offset } = this.#token;
    if (this.#accept('.')) return abbreviated('self', this.#since(offset));
    if (this.#accept('..')) return abbreviated('parent', this.#since(offset));
    const axis = this.#axis();
    const test = this.#nodeTest();
    const place = this.#since(offset);
    return { axis, test, predicates: this.#predicates(), ...place };
  }

  #axis(): Axis {
    if (this.#accept('@')) return 'attribute';
    if (this.#token.kind !== 'axis') return 'child';
    const axis = this.#token.text;
    if (!AXES.has(axis)) this.#fail(`there is no axis "${axis}"`);
    this.#at += 1;
    this.#expect('::');
    return axis as Axis;
  }

  #nodeTest(): NodeTest {
    const { kind, text } = this.#token;
    if (kind === 'node-type') {
      this.#at += 1;
      this.#expect('(');
      if (text === 'processing-instruction' && this.#token.kind === 'literal') this.#at += 1;
      this.#expect(')');
      return { kind: text as 'node' | 'text' | 'comment' | 'processing-instruction' };
    }
    if (kind !== 'name') {
      this.#fail(
        kind === 'end' ? 'the expression ends too early' : `"${text}" where a node is expected`,
      );
    }
    this.#at += 1;
    const colon = text.indexOf(':');
    const prefix = colon < 0 ? undefined : text.slice(0, colon);
    return { kind: 'name', prefix, name: text.slice(colon + 1) };
  }

  #predicates(): Expression[] {
    const predicates: Expression[] = [];
    while (this.#accept('[')) {
      predicates.push(this.#expression());
      this.#expect(']');
    }
    return predicates;
  }

  #filter(): Expression {
    const { offset } = this.#token;
    const primary = this.#primary();
    const predicates = this.#predicates();
    if (predicates.length === 0) return primary;
    return { kind: 'filter', primary, predicates, ...this.#since(offset) };
  }

  #primary(): Expression {
    const { kind, text, offset } = this.#token;
    this.#at += 1;
    const place = { offset, length: text.length };
    if (kind === 'literal') return { kind, value: text.slice(1, -1), ...place };
    if (kind === 'number') return { kind, value: Number(text), ...place };
    if (kind === 'variable') return { kind, name: text.slice(1), ...place };
    if (kind === 'function') return this.#call(text, offset);
    const inner = this.#expression();
    this.#expect(')');
    return inner;
  }

  #call(name: string, offset: number): Expression {
    this.#expect('(');
    const values: Expression[] = [];
    if (!this.#accept(')')) {
      do values.push(this.#expression());
      while (this.#accept(','));
      this.#expect(')');
    }
    return { kind: 'call', name, arguments: values, ...this.#since(offset) };
  }
}

function abbreviated(axis: Axis, place: { offset: number; length: number }): Step {
  return { axis, test: { kind: 'node' }, predicates: [], ...place };
}
