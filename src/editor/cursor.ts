/**
 * What is being typed at a place of a text that need not be whole: the statements around it, and whether it
 * is a keyword or an argument. Only the text before the place is read, so nothing behind it can mislead.
 */
import { Lexer } from '../yang/syntax/lexer.ts';
import type { Token } from '../yang/syntax/lexer.ts';

/** A statement that is open at the cursor: its block has begun and not ended. */
export interface OpenStatement {
  keyword: string;
  argument: string | undefined;
  /** Offset of the keyword. */
  start: number;
}

export interface Cursor {
  /** The blocks around the cursor, outermost first. */
  around: OpenStatement[];
  /** The statement that is typed: without a keyword when the cursor is where one begins. */
  keyword: string | undefined;
  /** What is typed of the keyword, or of the argument, up to the cursor; quotes are left out. */
  typed: string;
  /** Offset of the first character of `typed`. */
  start: number;
  /** The quote that the argument began with. */
  quote: '"' | "'" | undefined;
  /** Offset where the typed statement begins. */
  statementStart: number;
}

/**
 * The cursor at an offset. Undefined where no statement is typed: in a comment, behind an argument, and
 * in a string that is continued with "+".
 */
export function cursorAt(text: string, offset: number): Cursor | undefined {
  const before = text.slice(0, offset);
  if (inComment(before)) return undefined;
  return new CursorReader(before).read();
}

/** Comments are the lexer's blanks; whether the text ends in one shows when a mark is put at its end. */
function inComment(before: string): boolean {
  const lexer = new Lexer({ name: '', text: `${before}\u0001` });
  let last: Token = lexer.next('keyword');
  for (let token = last; token.kind !== 'end'; token = lexer.next('keyword')) last = token;
  return last.end !== before.length + 1;
}

class CursorReader {
  readonly #text: string;
  readonly #lexer: Lexer;
  readonly #around: OpenStatement[] = [];

  constructor(text: string) {
    this.#text = text;
    this.#lexer = new Lexer({ name: '', text });
  }

  read(): Cursor | undefined {
    for (;;) {
      const token = this.#lexer.next('keyword');
      if (token.kind === 'end') return this.#cursor({ keyword: undefined, from: token.start });
      if (token.kind === '}') this.#around.pop();
      if (token.kind !== 'word') continue;
      if (token.end === this.#text.length) {
        return this.#cursor({ keyword: undefined, from: token.start });
      }
      const found = this.#statement(token);
      if (found !== 'done') return found;
    }
  }

  /** Reads the rest of a statement's head; the cursor when it is in there. */
  #statement(keyword: Token): Cursor | undefined | 'done' {
    const head = { keyword: keyword.text, from: keyword.start };
    const first = this.#lexer.next();
    if (first.kind === 'end') return this.#cursor(head, { start: first.start });
    if (first.kind !== 'word' && first.kind !== 'string') return this.#close(keyword, first);
    if (first.end === this.#text.length) return this.#argument(head, first);
    while (first.kind === 'string' && this.#lexer.plus()) {
      const piece = this.#lexer.next();
      if (piece.end === this.#text.length) return undefined;
    }
    const next = this.#lexer.next('keyword');
    if (next.kind === 'end') return undefined;
    return this.#close(keyword, next, first.text);
  }

  #argument(head: { keyword: string; from: number }, token: Token): Cursor | undefined {
    if (token.kind === 'word') return this.#cursor(head, { start: token.start });
    const quote = this.#text[token.start] === '"' ? '"' : "'";
    // A string that ends where the text does is whole, or its last character is its first one.
    const closed = this.#lexer.diagnostics.every(({ code }) => code !== 'unterminated-string');
    return closed ? undefined : this.#cursor(head, { start: token.start + 1, quote });
  }

  #close(keyword: Token, next: Token, argument?: string): 'done' {
    if (next.kind === '{') {
      this.#around.push({ keyword: keyword.text, argument, start: keyword.start });
    } else if (next.kind !== ';') this.#lexer.rewind(next.start);
    return 'done';
  }

  #cursor(
    head: { keyword: string | undefined; from: number },
    argument?: { start: number; quote?: '"' | "'" },
  ): Cursor {
    const start = argument?.start ?? head.from;
    return {
      around: this.#around,
      keyword: head.keyword,
      typed: this.#text.slice(start),
      start,
      quote: argument?.quote,
      statementStart: head.from,
    };
  }
}

/**
 * The text without the statement that is typed at the cursor, blanks in its place, so that every other place
 * stays where it is: what stands behind a half-typed statement is read as it is meant.
 */
export function withoutTyped(text: string, cursor: Cursor): string {
  const { start, typed, quote, statementStart } = cursor;
  const at = start + typed.length;
  const line = text.slice(at, lineEnd(text, at));
  const closing = quote === undefined ? undefined : line.indexOf(quote);
  const rest =
    closing !== undefined && closing >= 0
      ? line.slice(0, closing + 1).length + /^\s*;?/.exec(line.slice(closing + 1))![0].length
      : /^[^\s;{}"']*\s*;?/.exec(line)![0].length;
  const gone = text.slice(statementStart, at + rest).replaceAll(/[^\n]/g, ' ');
  return text.slice(0, statementStart) + gone + text.slice(at + rest);
}

function lineEnd(text: string, from: number): number {
  const end = text.indexOf('\n', from);
  return end < 0 ? text.length : end;
}
