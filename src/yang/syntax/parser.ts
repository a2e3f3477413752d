import type { Diagnostic } from '../diagnostics.ts';
import type { SourceFile } from '../source.ts';
import type { ArgumentPart, Statement } from '../statement.ts';
import { substatementArgument } from '../statement.ts';
import type { Token } from './lexer.ts';
import { Lexer } from './lexer.ts';

/** A file that was read as far as its syntax goes. */
export interface ParsedFile {
  /** The module or submodule; undefined when the file has no statement at all. */
  root: Statement | undefined;
  yangVersion: '1' | '1.1';
  diagnostics: Diagnostic[];
}

/** Deeper nesting is refused, so that no later step can run out of stack. Published modules need 15. */
const MAX_DEPTH = 200;

/** A file with more problems than this is hardly YANG: the rest of its problems is of no use. */
const MAX_ERRORS = 50;

/** Reads the statements of a file (RFC 7950 §6.3); their grammar is not checked here. */
export function parseSource(source: SourceFile): ParsedFile {
  const lexer = new Lexer(source);
  const parser = new Parser(lexer);
  const root = parser.parseRoot();
  const yangVersion =
    root !== undefined && substatementArgument(root, 'yang-version') === '1.1' ? '1.1' : '1';
  judgeFindings(lexer, yangVersion);
  return { root, yangVersion, diagnostics: lexer.diagnostics };
}

/** RFC 7950 §6.1.3 forbids what RFC 6020 left open. */
function judgeFindings(lexer: Lexer, version: '1' | '1.1'): void {
  for (const { offset, kind } of lexer.findings) {
    const range = { start: offset, end: offset + (kind === 'escape' ? 2 : 1) };
    if (kind === 'quote-in-word') {
      if (version === '1.1') lexer.report('bad-character', range, { character: 'quote' });
      continue;
    }
    const escape = `\\${lexer.characterAt(offset + 1) ?? ''}`;
    const hint = 'Write \\\\ for a backslash, or put the string in single quotes';
    if (version === '1.1') lexer.report('bad-escape', range, { escape }, { hint });
    else lexer.report('odd-escape', range, { escape }, { hint });
  }
}

class Parser {
  readonly #lexer: Lexer;
  #depth = 0;
  #stopped = false;

  constructor(lexer: Lexer) {
    this.#lexer = lexer;
  }

  parseRoot(): Statement | undefined {
    const token = this.#lexer.next('keyword');
    if (token.kind === 'end') {
      this.#unexpected(token, '"module" or "submodule"');
      return undefined;
    }
    const root = this.#statement(token);
    const rest = this.#lexer.next('keyword');
    if (rest.kind !== 'end' && !this.#stopped) this.#lexer.report('text-after-module', rest, {});
    return root;
  }

  #unexpected(token: Token, expected: string, hint?: string): void {
    const found = token.kind === 'end' ? 'the file ends' : `"${token.text.slice(0, 40)}"`;
    this.#lexer.report('unexpected-token', token, { found, expected }, { hint });
    if (this.#lexer.diagnostics.length < MAX_ERRORS || this.#stopped) return;
    this.#stopped = true;
    this.#lexer.report('too-many-errors', token, { limit: MAX_ERRORS });
  }

  /** Reads the statement whose keyword is `token`; undefined when it is not a keyword. */
  #statement(token: Token): Statement | undefined {
    if (token.kind !== 'word' || !KEYWORD.test(token.text)) {
      this.#unexpected(token, 'a keyword');
      if (token.kind === '{') this.#skipBlock();
      return undefined;
    }
    const colon = token.text.indexOf(':');
    const statement: Statement = {
      keyword: token.text,
      prefix: colon < 0 ? undefined : token.text.slice(0, colon),
      name: token.text.slice(colon + 1),
      argument: undefined,
      position: this.#lexer.position(token.start),
      argumentParts: [],
      headEnd: this.#lexer.position(token.end),
      end: this.#lexer.position(token.end),
      substatements: [],
    };
    this.#body(statement, this.#argument(statement, token));
    return statement;
  }

  /** Reads the argument, if there is one, and returns the token behind it. */
  #argument(statement: Statement, keyword: Token): Token {
    const first = this.#lexer.next();
    if (first.kind !== 'word' && first.kind !== 'string') return first;
    if (first.start === keyword.end) {
      this.#lexer.report('missing-separator', keyword, { after: keyword.text });
    }
    let text = first.text;
    let end = first.end;
    const parts: ArgumentPart[] = this.#argumentParts(first, 0);
    while (first.kind === 'string' && this.#lexer.plus()) {
      const piece = this.#lexer.next();
      if (piece.kind !== 'string') {
        this.#unexpected(piece, 'a quoted string after "+"');
        if (piece.kind !== 'word') this.#lexer.rewind(piece.start);
        break;
      }
      parts.push(...this.#argumentParts(piece, text.length));
      text += piece.text;
      end = piece.end;
    }
    statement.argument = text;
    statement.argumentParts = parts;
    statement.headEnd = this.#lexer.position(end);
    statement.end = statement.headEnd;
    return this.#lexer.next('keyword');
  }

  #argumentParts(token: Token, before: number): ArgumentPart[] {
    return token.parts.map(({ offset, source }) => ({
      offset: before + offset,
      position: this.#lexer.position(source),
    }));
  }

  #body(statement: Statement, token: Token): void {
    if (token.kind === '{') {
      this.#block(statement);
      return;
    }
    if (token.kind === ';') {
      statement.end = this.#lexer.position(token.end);
      return;
    }
    const hint =
      token.kind === 'word' || token.kind === '}'
        ? `Put a ";" after "${statement.keyword}${statement.argument === undefined ? '' : ' …'}"`
        : undefined;
    this.#unexpected(token, '";" or "{"', hint);
    this.#lexer.rewind(token.start);
    if (token.kind === 'string') this.#lexer.next();
  }

  #block(statement: Statement): void {
    this.#depth += 1;
    if (this.#depth > MAX_DEPTH) {
      if (!this.#stopped) {
        const { start, end } = this.#lexer.next('keyword');
        this.#lexer.report('too-deep', { start, end }, { limit: MAX_DEPTH });
      }
      this.#stopped = true;
    }
    for (;;) {
      if (this.#stopped) break;
      const token = this.#lexer.next('keyword');
      if (token.kind === '}') {
        statement.end = this.#lexer.position(token.end);
        break;
      }
      if (token.kind === 'end') {
        this.#unclosed(statement, token);
        break;
      }
      const child = this.#statement(token);
      if (child !== undefined) statement.substatements.push(child);
    }
    this.#depth -= 1;
  }

  #unclosed(statement: Statement, end: Token): void {
    this.#stopped = true;
    const related = [
      { message: `the block of "${statement.keyword}" begins here`, position: statement.position },
    ];
    this.#lexer.report('unclosed-block', end, { keyword: statement.keyword }, { related });
  }

  /** Skips a block that has no statement to belong to. */
  #skipBlock(): void {
    for (let open = 1; open > 0;) {
      const token = this.#lexer.next('keyword');
      if (token.kind === 'end') return;
      if (token.kind === '{') open += 1;
      if (token.kind === '}') open -= 1;
    }
  }
}

// identifier, or prefix ":" identifier (RFC 7950 §14).
const KEYWORD = /^[A-Za-z_][A-Za-z0-9_.-]*(:[A-Za-z_][A-Za-z0-9_.-]*)?$/;
