import type { Diagnostic } from '../diagnostics.ts';
import { createDiagnostic } from '../diagnostic-codes.ts';
import type { DiagnosticCode, DiagnosticHelp, DiagnosticParameters } from '../diagnostic-codes.ts';
import type { Position, SourceFile } from '../source.ts';
import { NOT_YANG_CHAR } from '../grammar/characters.ts';
import { LineIndex } from './line-index.ts';
import type { DecodedPart } from './quoted-string.ts';
import { decodeDoubleQuoted, decodeSingleQuoted } from './quoted-string.ts';

/** A token of YANG's syntax (RFC 7950 §6.1). Comments and blanks are not tokens. */
export interface Token {
  kind: 'word' | 'string' | ';' | '{' | '}' | '+' | 'end';
  /** Decoded text of a word or string. */
  text: string;
  parts: DecodedPart[];
  /** Offsets in the file; `end` is behind the last character. */
  start: number;
  end: number;
}

/** What is an error in one version of YANG only; judged when the version is known. */
export interface VersionFinding {
  offset: number;
  kind: 'escape' | 'quote-in-word';
}

/** Reads tokens from the text of a module. */
export class Lexer {
  readonly diagnostics: Diagnostic[] = [];
  readonly findings: VersionFinding[] = [];
  readonly #text: string;
  readonly #lines: LineIndex;
  #at = 0;

  constructor(source: SourceFile) {
    this.#text = source.text;
    this.#lines = new LineIndex(source);
    this.#checkCharacters();
  }

  position(offset: number): Position {
    return this.#lines.position(offset);
  }

  report<C extends DiagnosticCode>(
    code: C,
    range: { start: number; end: number },
    parameters: DiagnosticParameters<C>,
    help?: DiagnosticHelp,
  ): void {
    const span = { start: this.position(range.start), end: this.position(range.end) };
    this.diagnostics.push(createDiagnostic(code, span, parameters, help));
  }

  /** The next token; words in keyword position end at a quote, others may hold one (RFC 6020). */
  next(position: 'keyword' | 'argument' = 'argument'): Token {
    this.#skipBlanks();
    const start = this.#at;
    const character = this.#text[start];
    if (character === undefined) return { kind: 'end', text: '', parts: [], start, end: start };
    if (character === ';' || character === '{' || character === '}') {
      this.#at += 1;
      return { kind: character, text: character, parts: [], start, end: this.#at };
    }
    if (character === '"' || character === "'") return this.#quoted(character);
    return this.#word(position);
  }

  /** Consumes `+` if it comes next, as between the pieces of a concatenated string. */
  plus(): boolean {
    const before = this.#at;
    this.#skipBlanks();
    if (this.#text[this.#at] === '+') {
      this.#at += 1;
      return true;
    }
    this.#at = before;
    return false;
  }

  /** Goes back to a place, in front of a token that was read already. */
  rewind(offset: number): void {
    this.#at = offset;
  }

  #checkCharacters(): void {
    if (this.#text.charCodeAt(0) === 0xfeff) this.#badCharacter(0, 'U+FEFF (byte order mark)');
    const bad = NOT_YANG_CHAR.exec(this.#text);
    if (bad === null) return;
    const code = this.#text.codePointAt(bad.index)!.toString(16).toUpperCase().padStart(4, '0');
    this.#badCharacter(bad.index, `U+${code}`);
  }

  #badCharacter(offset: number, character: string): void {
    this.report('bad-character', { start: offset, end: offset + 1 }, { character });
  }

  #skipBlanks(): void {
    const text = this.#text;
    for (;;) {
      const code = text.charCodeAt(this.#at);
      if (code === 0x20 || (code >= 0x09 && code <= 0x0d)) this.#at += 1;
      else if (code === 0x2f && text[this.#at + 1] === '/') this.#skipTo('\n', 0);
      else if (code === 0x2f && text[this.#at + 1] === '*') this.#skipBlockComment();
      else if (code === 0xfeff && this.#at === 0) this.#at += 1;
      else return;
    }
  }

  #skipTo(mark: string, extra: number): boolean {
    const found = this.#text.indexOf(mark, this.#at + 2);
    this.#at = found < 0 ? this.#text.length : found + extra;
    return found >= 0;
  }

  #skipBlockComment(): void {
    const start = this.#at;
    if (!this.#skipTo('*/', 2)) {
      this.report('unterminated-comment', { start, end: start + 2 }, {});
    }
  }

  #quoted(quote: '"' | "'"): Token {
    const start = this.#at;
    const close =
      quote === '"' ? this.#closingQuote(start + 1) : this.#text.indexOf("'", start + 1);
    if (close < 0) {
      this.report('unterminated-string', { start, end: start + 1 }, { quote });
      this.#at = this.#text.length;
      return { kind: 'string', text: '', parts: [], start, end: this.#at };
    }
    this.#at = close + 1;
    const raw = this.#text.slice(start + 1, close);
    if (quote === "'") {
      const { text, parts } = decodeSingleQuoted(raw, start + 1);
      return { kind: 'string', text, parts, start, end: this.#at };
    }
    return this.#doubleQuoted(raw, start);
  }

  #doubleQuoted(raw: string, start: number): Token {
    const before = this.#text.slice(this.#text.lastIndexOf('\n', start) + 1, start);
    if (before.includes('\t') && /\n[ \t]*\S/.test(raw)) {
      this.report('tab-before-string', { start, end: start + 1 }, {});
    }
    const { text, parts, badEscapes } = decodeDoubleQuoted(raw, start + 1, before);
    for (const offset of badEscapes) this.findings.push({ offset, kind: 'escape' });
    return { kind: 'string', text, parts, start, end: this.#at };
  }

  #closingQuote(from: number): number {
    let at = this.#text.indexOf('"', from);
    while (at >= 0) {
      let slashes = at;
      while (slashes > from && this.#text[slashes - 1] === '\\') slashes -= 1;
      if ((at - slashes) % 2 === 0) return at;
      at = this.#text.indexOf('"', at + 1);
    }
    return -1;
  }

  #word(position: 'keyword' | 'argument'): Token {
    const start = this.#at;
    const ends = position === 'keyword' ? /[\s;{}"']|\/\/|\/\*/g : /[\s;{}]|\/\/|\/\*/g;
    ends.lastIndex = start;
    const found = ends.exec(this.#text);
    this.#at = found === null ? this.#text.length : found.index;
    const text = this.#text.slice(start, this.#at);
    const quote = text.search(/["']/);
    if (quote >= 0) this.findings.push({ offset: start + quote, kind: 'quote-in-word' });
    const comment = text.indexOf('*/');
    if (comment >= 0) this.#badCharacter(start + comment, '*/');
    return { kind: 'word', text, parts: [{ offset: 0, source: start }], start, end: this.#at };
  }

  /** The character at an offset, to see whether two tokens touch. */
  characterAt(offset: number): string | undefined {
    return this.#text[offset];
  }
}
