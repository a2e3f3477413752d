import type { XPathProblem, XPathToken } from './lexer.ts';

/** Where the text is not XPath: ends the parser's work. */
export class SyntaxProblem extends Error {
  readonly place: XPathProblem;

  constructor(place: XPathProblem) {
    super(place.problem);
    this.place = place;
  }
}

/** A place among the tokens of an expression, of which the last has the kind `end`. */
export class TokenCursor {
  readonly #tokens: readonly XPathToken[];
  #at = 0;

  constructor(tokens: readonly XPathToken[]) {
    this.#tokens = tokens;
  }

  get current(): XPathToken {
    return this.#tokens[this.#at]!;
  }

  advance(): void {
    this.#at += 1;
  }

  /** Goes on if the token is this operator or punctuation. */
  accept(text: string): boolean {
    const { kind } = this.current;
    const symbol = kind === 'operator' || kind === 'punctuation';
    if (!symbol || this.current.text !== text) return false;
    this.advance();
    return true;
  }

  /** @throws SyntaxProblem unless the token is this operator or punctuation */
  expect(text: string): void {
    if (this.accept(text)) return;
    const found = this.current.kind === 'end' ? 'the end' : `"${this.current.text}"`;
    this.fail(`"${text}" is expected, not ${found}`);
  }

  /** @throws SyntaxProblem always, at the token */
  fail(problem: string): never {
    const { offset, text } = this.current;
    throw new SyntaxProblem({ offset, length: text.length || 1, problem });
  }

  /** Offset and length of what was read since `offset`. */
  since(offset: number): { offset: number; length: number } {
    const last = this.#tokens[this.#at - 1] ?? this.current;
    return { offset, length: last.offset + last.text.length - offset };
  }
}
