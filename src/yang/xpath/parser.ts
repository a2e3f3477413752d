import type { Parsed } from '../grammar/arguments.ts';
import type { Axis, BinaryOperator, Expression, NodeTest, PathExpression, Step } from './ast.ts';
import type { XPathToken } from './lexer.ts';
import { tokenize } from './lexer.ts';
import { SyntaxProblem, TokenCursor } from './token-cursor.ts';

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

/** Tokens that begin a primary expression, besides `(` (XPath 1.0 §3.1). */
const PRIMARIES: ReadonlySet<string> = new Set(['literal', 'number', 'variable', 'function']);

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

class XPathParser {
  readonly #tokens: TokenCursor;
  #depth = 0;

  constructor(tokens: readonly XPathToken[]) {
    this.#tokens = new TokenCursor(tokens);
  }

  parse(): Expression {
    const expression = this.#expression();
    if (this.#token.kind !== 'end') this.#tokens.fail(`"${this.#token.text}" is not expected here`);
    return expression;
  }

  get #token(): XPathToken {
    return this.#tokens.current;
  }

  #expression(): Expression {
    this.#depth += 1;
    if (this.#depth > MAX_DEPTH) this.#tokens.fail('the expression is nested too deeply');
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
      this.#tokens.advance();
      const right = this.#binary(level + 1);
      left = { kind: 'binary', operator, left, right, ...this.#tokens.since(offset) };
    }
    return left;
  }

  #unary(): Expression {
    const { offset } = this.#token;
    if (!this.#tokens.accept('-')) return this.#union();
    this.#depth += 1;
    if (this.#depth > MAX_DEPTH) this.#tokens.fail('the expression is nested too deeply');
    const operand = this.#unary();
    this.#depth -= 1;
    return { kind: 'negate', operand, ...this.#tokens.since(offset) };
  }

  #union(): Expression {
    const { offset } = this.#token;
    let left = this.#path();
    while (this.#tokens.accept('|')) {
      const right = this.#path();
      left = { kind: 'union', left, right, ...this.#tokens.since(offset) };
    }
    return left;
  }

  #path(): Expression {
    const { kind, text, offset } = this.#token;
    const primary = PRIMARIES.has(kind) || text === '(';
    if (!primary || kind === 'name') return this.#locationPath();
    const filter = this.#filter();
    const steps: Step[] = [];
    if (!this.#separators(steps)) return filter;
    this.#relative(steps);
    return { kind: 'path', absolute: false, start: filter, steps, ...this.#tokens.since(offset) };
  }

  #locationPath(): PathExpression {
    const { offset } = this.#token;
    const steps: Step[] = [];
    const absolute = this.#separators(steps);
    if (!absolute || steps.length > 0 || this.#startsStep()) this.#relative(steps);
    return { kind: 'path', absolute, start: undefined, steps, ...this.#tokens.since(offset) };
  }

  /** Accepts `/` or `//`, the latter adding the step that it abbreviates. */
  #separators(steps: Step[]): boolean {
    const { offset } = this.#token;
    if (this.#tokens.accept('/')) return true;
    if (!this.#tokens.accept('//')) return false;
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
    if (this.#tokens.accept('.')) return abbreviated('self', this.#tokens.since(offset));
    if (this.#tokens.accept('..')) return abbreviated('parent', this.#tokens.since(offset));
    const axis = this.#axis();
    const test = this.#nodeTest();
    const place = this.#tokens.since(offset);
    return { axis, test, predicates: this.#predicates(), ...place };
  }

  #axis(): Axis {
    if (this.#tokens.accept('@')) return 'attribute';
    if (this.#token.kind !== 'axis') return 'child';
    const axis = this.#token.text;
    if (!AXES.has(axis)) this.#tokens.fail(`there is no axis "${axis}"`);
    this.#tokens.advance();
    this.#tokens.expect('::');
    return axis as Axis;
  }

  #nodeTest(): NodeTest {
    const { kind, text } = this.#token;
    if (kind === 'node-type') {
      this.#tokens.advance();
      this.#tokens.expect('(');
      if (text === 'processing-instruction' && this.#token.kind === 'literal')
        this.#tokens.advance();
      this.#tokens.expect(')');
      return { kind: text as 'node' | 'text' | 'comment' | 'processing-instruction' };
    }
    if (kind !== 'name') {
      this.#tokens.fail(
        kind === 'end' ? 'the expression ends too early' : `"${text}" where a node is expected`,
      );
    }
    this.#tokens.advance();
    const colon = text.indexOf(':');
    const prefix = colon < 0 ? undefined : text.slice(0, colon);
    return { kind: 'name', prefix, name: text.slice(colon + 1) };
  }

  #predicates(): Expression[] {
    const predicates: Expression[] = [];
    while (this.#tokens.accept('[')) {
      predicates.push(this.#expression());
      this.#tokens.expect(']');
    }
    return predicates;
  }

  #filter(): Expression {
    const { offset } = this.#token;
    const primary = this.#primary();
    const predicates = this.#predicates();
    if (predicates.length === 0) return primary;
    return { kind: 'filter', primary, predicates, ...this.#tokens.since(offset) };
  }

  #primary(): Expression {
    const { kind, text, offset } = this.#token;
    this.#tokens.advance();
    const place = { offset, length: text.length };
    if (kind === 'literal') return { kind, value: text.slice(1, -1), ...place };
    if (kind === 'number') return { kind, value: Number(text), ...place };
    if (kind === 'variable') return { kind, name: text.slice(1), ...place };
    if (kind === 'function') return this.#call(text, offset);
    const inner = this.#expression();
    this.#tokens.expect(')');
    return inner;
  }

  #call(name: string, offset: number): Expression {
    this.#tokens.expect('(');
    const values: Expression[] = [];
    if (!this.#tokens.accept(')')) {
      do values.push(this.#expression());
      while (this.#tokens.accept(','));
      this.#tokens.expect(')');
    }
    return { kind: 'call', name, arguments: values, ...this.#tokens.since(offset) };
  }
}

function abbreviated(axis: Axis, place: { offset: number; length: number }): Step {
  return { axis, test: { kind: 'node' }, predicates: [], ...place };
}
