import type { Parsed } from './arguments.ts';

/** An `if-feature` expression (RFC 7950 §7.20.2). */
export type FeatureExpression =
  | { kind: 'feature'; prefix: string | undefined; name: string; offset: number; length: number }
  | { kind: 'not'; operand: FeatureExpression }
  | { kind: 'and' | 'or'; left: FeatureExpression; right: FeatureExpression };

interface Word {
  text: string;
  offset: number;
}

/** Nesting of parentheses beyond this is refused, so that evaluation cannot run out of stack. */
const MAX_DEPTH = 100;

/** Parses the argument of `if-feature`; a YANG 1 argument, one name, is the simplest case. */
export function parseIfFeature(text: string): Parsed<FeatureExpression> {
  const words = [...text.matchAll(/[()]|[^\s()]+/g)].map((match): Word => ({
    text: match[0],
    offset: match.index,
  }));
  const parser = new FeatureParser(words, text.length);
  const value = parser.parse();
  if (value !== undefined && parser.error === undefined) return { ok: true, value };
  return {
    ok: false,
    error: parser.error ?? { offset: 0, length: 1, problem: 'not an expression' },
  };
}

class FeatureParser {
  error: { offset: number; length: number; problem: string } | undefined;
  readonly #words: Word[];
  readonly #length: number;
  #at = 0;
  #depth = 0;

  constructor(words: Word[], length: number) {
    this.#words = words;
    this.#length = length;
  }

  parse(): FeatureExpression | undefined {
    const value = this.#or();
    const rest = this.#words[this.#at];
    if (rest !== undefined) this.#fail(`"${rest.text}" where "and", "or" or the end is expected`);
    return value;
  }

  #fail(problem: string): undefined {
    const word = this.#words[this.#at];
    this.error ??= {
      offset: word?.offset ?? this.#length,
      length: word?.text.length ?? 1,
      problem,
    };
    return undefined;
  }

  #accept(text: string): boolean {
    if (this.#words[this.#at]?.text !== text) return false;
    this.#at += 1;
    return true;
  }

  #or(): FeatureExpression | undefined {
    let left = this.#and();
    while (left !== undefined && this.#accept('or')) {
      const right = this.#and();
      left = right === undefined ? undefined : { kind: 'or', left, right };
    }
    return left;
  }

  #and(): FeatureExpression | undefined {
    let left = this.#factor();
    while (left !== undefined && this.#accept('and')) {
      const right = this.#factor();
      left = right === undefined ? undefined : { kind: 'and', left, right };
    }
    return left;
  }

  #factor(): FeatureExpression | undefined {
    this.#depth += 1;
    if (this.#depth > MAX_DEPTH) return this.#fail('the expression is nested too deeply');
    const value = this.#operand();
    this.#depth -= 1;
    return value;
  }

  #operand(): FeatureExpression | undefined {
    if (this.#accept('not')) {
      const operand = this.#factor();
      return operand === undefined ? undefined : { kind: 'not', operand };
    }
    if (this.#accept('(')) {
      const inner = this.#or();
      if (inner !== undefined && !this.#accept(')')) return this.#fail('")" is missing');
      return inner;
    }
    return this.#feature();
  }

  #feature(): FeatureExpression | undefined {
    const word = this.#words[this.#at];
    const match = /^(?:([A-Za-z_][\w.-]*):)?([A-Za-z_][\w.-]*)$/.exec(word?.text ?? '');
    const keyword = word !== undefined && ['and', 'or', 'not'].includes(word.text);
    if (word === undefined || match === null || keyword) {
      return this.#fail('the name of a feature is expected');
    }
    this.#at += 1;
    const { text, offset } = word;
    return { kind: 'feature', prefix: match[1], name: match[2]!, offset, length: text.length };
  }
}

/** The value of an expression when `enabled` says which features are on. */
export function evaluateFeatures(
  expression: FeatureExpression,
  enabled: (prefix: string | undefined, name: string) => boolean,
): boolean {
  switch (expression.kind) {
    case 'feature':
      return enabled(expression.prefix, expression.name);
    case 'not':
      return !evaluateFeatures(expression.operand, enabled);
    case 'and':
      return (
        evaluateFeatures(expression.left, enabled) && evaluateFeatures(expression.right, enabled)
      );
    case 'or':
      return (
        evaluateFeatures(expression.left, enabled) || evaluateFeatures(expression.right, enabled)
      );
  }
}

/** Every name in an expression. */
export function featureNames(
  expression: FeatureExpression,
): Extract<FeatureExpression, { kind: 'feature' }>[] {
  switch (expression.kind) {
    case 'feature':
      return [expression];
    case 'not':
      return featureNames(expression.operand);
    default:
      return [...featureNames(expression.left), ...featureNames(expression.right)];
  }
}
