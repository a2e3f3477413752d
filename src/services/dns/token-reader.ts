import { AppError } from '../../base/errors.ts';
import { TextProblem, describePlace, placed, quote } from './problem.ts';
import type { Place } from './problem.ts';
import type { Entry, Token } from './tokenizer.ts';

export interface TokenContext {
  /** What relative names end in, in wire form; undefined if no origin is known. */
  origin: Buffer | undefined;
  /** Receives what is odd but no error, with its place. */
  warn: (warning: string) => void;
}

/** Takes the tokens of an entry one after another and knows the place of the last for messages. */
export class TokenReader {
  readonly origin: Buffer | undefined;
  readonly #entry: Entry;
  readonly #warn: (warning: string) => void;
  #at = 0;

  constructor(entry: Entry, context: TokenContext) {
    this.#entry = entry;
    this.origin = context.origin;
    this.#warn = context.warn;
  }

  /** The next token, which stays. */
  peek(): Token | undefined {
    return this.#entry.tokens[this.#at];
  }

  /**
   * @param what is wanted, for the message
   * @throws TextProblem when no token is left
   */
  take(what: string): Token {
    const token = this.#entry.tokens[this.#at];
    if (token === undefined) {
      throw new TextProblem(
        `the line ends where ${what} is wanted`,
        'Add what is missing; parentheses let a record go over several lines (RFC 1035 §5.1)',
      );
    }
    this.#at += 1;
    return token;
  }

  /** The next token's text, which must not be in quotes. */
  word(what: string): string {
    const token = this.take(what);
    if (!token.quoted) return token.text;
    throw new TextProblem(
      `${what} is in quotes: ${quote(token.text)}`,
      'Remove the quotes: only texts have them',
    );
  }

  /** Words up to the end of the entry. */
  words(what: string): string[] {
    const words: string[] = [];
    while (this.peek() !== undefined) words.push(this.word(what));
    return words;
  }

  /** @throws TextProblem when a token is left */
  end(): void {
    const extra = this.peek();
    if (extra === undefined) return;
    this.#at += 1;
    throw new TextProblem(
      `${quote(extra.text)} is left over after the end of the record`,
      'Remove it; a text with spaces needs quotes, a comment begins with ";"',
    );
  }

  /** Place of the token taken last. */
  place(): Place {
    const { file, tokens } = this.#entry;
    const token = tokens[Math.max(0, this.#at - 1)];
    return { file, line: token?.line ?? 1, column: token?.column ?? 1 };
  }

  warn(message: string): void {
    this.#warn(`${describePlace(this.place())}: ${message}`);
  }

  /** Gives the problems of `work` the place of the token taken last. */
  guard<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw this.locate(error);
    }
  }

  /** An error with a place as it is, a problem as an error at the token taken last. */
  locate(error: unknown): unknown {
    if (error instanceof AppError || !(error instanceof TextProblem)) return error;
    return placed(this.place(), error);
  }
}
