import type { AppError } from '../../base/errors.ts';
import { MAX_LINE } from './file-lines.ts';
import { TextProblem, placed, quote } from './problem.ts';

/** A word or a quoted string, with its escapes as they stand in the file and without its quotes. */
export interface Token {
  text: string;
  quoted: boolean;
  /** No space stands between this token and the one before: `alpn=` and `"h2"` (RFC 9460 §2.1). */
  glued: boolean;
  line: number;
  column: number;
}

/** What RFC 1035 §5.1 calls an entry: a line, or several that parentheses hold together. */
export interface Entry {
  file: string;
  tokens: Token[];
  /** The line begins with a blank: the owner is that of the record before. */
  blankOwner: boolean;
}

const TAB = 0x09;
const CARRIAGE_RETURN = 0x0d;
const SPACE = 0x20;
const QUOTE = 0x22;
const OPEN = 0x28;
const CLOSE = 0x29;
const SEMICOLON = 0x3b;
const BACKSLASH = 0x5c;

/** The byte order mark that some editors put before UTF-8. */
const BYTE_ORDER_MARK = '\xef\xbb\xbf';

/** Cuts the lines of a file into entries, one at a time. */
export class Tokenizer {
  readonly #file: string;
  readonly #lines: Iterator<string>;
  readonly #fixed: { line: number; column: number } | undefined;
  #line = 0;
  #tokens: Token[] = [];
  #size = 0;
  #depth = 0;
  #open: { line: number; column: number } = { line: 0, column: 0 };

  /** @param fixed the place that all tokens get, for text that stands in no file ($GENERATE) */
  constructor(file: string, lines: Iterable<string>, fixed?: { line: number; column: number }) {
    this.#file = file;
    this.#fixed = fixed;
    this.#lines = lines[Symbol.iterator]();
  }

  /**
   * The next entry that has tokens, or undefined at the end of the file.
   *
   * @throws AppError ZONE_SYNTAX
   */
  next(): Entry | undefined {
    for (;;) {
      const first = this.#nextLine();
      if (first === undefined) return undefined;
      this.#tokens = [];
      this.#size = 0;
      this.#scan(first);
      while (this.#depth > 0) this.#scan(this.#nextLine() ?? this.#unclosed());
      if (this.#tokens.length === 0) continue;
      const blankOwner = first.startsWith(' ') || first.startsWith('\t');
      return { file: this.#file, tokens: this.#tokens, blankOwner };
    }
  }

  /** Lets go of the file. */
  close(): void {
    this.#lines.return?.();
  }

  #nextLine(): string | undefined {
    const { value, done } = this.#lines.next();
    if (done === true) return undefined;
    this.#line += 1;
    const zero = value.indexOf('\0');
    if (zero >= 0) {
      throw this.#error(
        zero,
        'the line holds an octet 0',
        'Is this a text file? In a text write \\000',
      );
    }
    if (this.#line > 1 || !value.startsWith(BYTE_ORDER_MARK)) return value;
    return value.slice(BYTE_ORDER_MARK.length);
  }

  #scan(line: string): void {
    let glued = false;
    for (let at = 0; at < line.length;) {
      const code = line.charCodeAt(at);
      if (code === SEMICOLON) return;
      if (code === SPACE || code === TAB || code === CARRIAGE_RETURN) {
        glued = false;
        at += 1;
      } else if (code === OPEN || code === CLOSE) {
        this.#parenthesis(code, at);
        glued = false;
        at += 1;
      } else {
        const quoted = code === QUOTE;
        const end = quoted ? this.#quotedEnd(line, at) : wordEnd(line, at);
        this.#push(quoted ? line.slice(at + 1, end) : line.slice(at, end), at, { quoted, glued });
        glued = true;
        at = quoted ? end + 1 : end;
      }
    }
  }

  #push(text: string, at: number, kind: { quoted: boolean; glued: boolean }): void {
    this.#size += text.length + 1;
    if (this.#size > 2 * MAX_LINE) {
      const what = `the record is longer than ${2 * MAX_LINE} octets`;
      throw this.#error(at, what, 'Is a closing parenthesis missing above?');
    }
    this.#tokens.push({ text, ...kind, ...this.#place(at) });
  }

  #parenthesis(code: number, at: number): void {
    if (code === OPEN) {
      if (this.#depth === 0) this.#open = this.#place(at);
      this.#depth += 1;
      return;
    }
    if (this.#depth === 0) {
      throw this.#error(at, 'a ")" has no "("', 'Remove it, or write \\) inside a name');
    }
    this.#depth -= 1;
  }

  #quotedEnd(line: string, start: number): number {
    for (let at = start + 1; at < line.length; at++) {
      const code = line.charCodeAt(at);
      if (code === QUOTE) return at;
      if (code === BACKSLASH) at += 1;
    }
    throw this.#error(
      start,
      `the quoted string ${quote(line.slice(start))} does not end on its line`,
      'Close it with a double quote; write \\010 for a new line and \\" for a quote inside',
    );
  }

  #unclosed(): never {
    throw placed(
      { file: this.#file, ...this.#open },
      new TextProblem('a "(" is not closed before the end of the file', 'Add the missing ")"'),
    );
  }

  #error(at: number, message: string, hint: string): AppError {
    return placed({ file: this.#file, ...this.#place(at) }, new TextProblem(message, hint));
  }

  #place(at: number): { line: number; column: number } {
    return this.#fixed ?? { line: this.#line, column: at + 1 };
  }
}

function wordEnd(line: string, start: number): number {
  let at = start;
  for (; at < line.length; at++) {
    const code = line.charCodeAt(at);
    if (code === BACKSLASH) at += 1;
    else if (endsWord(code)) return at;
  }
  return Math.min(at, line.length);
}

function endsWord(code: number): boolean {
  switch (code) {
    case TAB:
    case CARRIAGE_RETURN:
    case SPACE:
    case QUOTE:
    case OPEN:
    case CLOSE:
    case SEMICOLON:
      return true;
    default:
      return false;
  }
}

/**
 * The tokens of one entry that is not in a file.
 *
 * @param name stands in messages where a file's name would
 */
export function tokenizeText(name: string, text: string): Entry {
  const tokenizer = new Tokenizer(name, text.split('\n'));
  const entry = tokenizer.next() ?? { file: name, tokens: [], blankOwner: false };
  const more = tokenizer.next()?.tokens[0];
  if (more === undefined) return entry;
  const problem = new TextProblem('a second record follows', 'Give one record at a time');
  throw placed({ file: name, line: more.line, column: more.column }, problem);
}
