/** JSON (RFC 8259) with the place of every value, so that each message can point into the document. */
import { createDiagnostic } from '../diagnostic-codes.ts';
import type { Diagnostic } from '../diagnostics.ts';
import type { SourceFile, Span } from '../source.ts';
import { LineIndex } from '../syntax/line-index.ts';
import type { JsonValue } from '../types/value.ts';

export type JsonNode =
  | { kind: 'object'; members: JsonMember[]; span: Span }
  | { kind: 'array'; items: JsonNode[]; span: Span }
  | { kind: 'scalar'; value: null | boolean | number | string; span: Span };

export interface JsonMember {
  name: string;
  nameSpan: Span;
  value: JsonNode;
}

/** Deeper nesting is refused, so that no later step can run out of stack. */
const MAX_DEPTH = 200;

/** Reads a document; undefined when it is not JSON, with the one diagnostic that says where. */
export function readJsonText(
  source: SourceFile,
): { node: JsonNode; problem: undefined } | { node: undefined; problem: Diagnostic } {
  const reader = new JsonReader(source);
  try {
    return { node: reader.document(), problem: undefined };
  } catch (error) {
    if (error instanceof JsonProblem) return { node: undefined, problem: error.diagnostic };
    throw error;
  }
}

class JsonProblem extends Error {
  readonly diagnostic: Diagnostic;

  constructor(diagnostic: Diagnostic) {
    super(diagnostic.message);
    this.diagnostic = diagnostic;
  }
}

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
// eslint-disable-next-line no-control-regex
const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const LITERAL = /true|false|null/y;

class JsonReader {
  readonly #text: string;
  readonly #lines: LineIndex;
  #at = 0;
  #depth = 0;

  constructor(source: SourceFile) {
    this.#text = source.text;
    this.#lines = new LineIndex(source);
  }

  document(): JsonNode {
    const node = this.#value();
    this.#skipBlanks();
    if (this.#at < this.#text.length) this.#fail('something stands behind the document');
    return node;
  }

  #fail(problem: string): never {
    const span = this.#span(this.#at, this.#at + 1);
    throw new JsonProblem(createDiagnostic('json-syntax', span, { problem }));
  }

  #span(start: number, end: number): Span {
    return { start: this.#lines.position(start), end: this.#lines.position(end) };
  }

  #skipBlanks(): void {
    while (' \t\r\n'.includes(this.#text[this.#at] ?? 'x')) this.#at += 1;
  }

  #accept(character: string): boolean {
    this.#skipBlanks();
    if (this.#text[this.#at] !== character) return false;
    this.#at += 1;
    return true;
  }

  #match(expression: RegExp): string | undefined {
    expression.lastIndex = this.#at;
    const [text] = expression.exec(this.#text) ?? [];
    this.#at += text?.length ?? 0;
    return text;
  }

  #value(): JsonNode {
    this.#depth += 1;
    if (this.#depth > MAX_DEPTH) this.#fail(`values are nested more than ${MAX_DEPTH} deep`);
    this.#skipBlanks();
    const start = this.#at;
    const node = this.#accept('{')
      ? this.#object(start)
      : this.#accept('[')
        ? this.#array(start)
        : this.#scalar(start);
    this.#depth -= 1;
    return node;
  }

  #object(start: number): JsonNode {
    const members: JsonMember[] = [];
    const names = new Set<string>();
    if (!this.#accept('}')) {
      do members.push(this.#member(names));
      while (this.#accept(','));
      if (!this.#accept('}')) this.#fail('"," or "}" is expected');
    }
    return { kind: 'object', members, span: this.#span(start, this.#at) };
  }

  #member(names: Set<string>): JsonMember {
    this.#skipBlanks();
    const start = this.#at;
    const text = this.#match(STRING);
    if (text === undefined) this.#fail('the name of a member is expected, between double quotes');
    const nameSpan = this.#span(start, this.#at);
    const name = JSON.parse(text) as string;
    if (names.has(name)) {
      this.#at = start;
      this.#fail(`member "${name}" is there twice`);
    }
    names.add(name);
    if (!this.#accept(':')) this.#fail('":" is expected');
    return { name, nameSpan, value: this.#value() };
  }

  #array(start: number): JsonNode {
    const items: JsonNode[] = [];
    if (!this.#accept(']')) {
      do items.push(this.#value());
      while (this.#accept(','));
      if (!this.#accept(']')) this.#fail('"," or "]" is expected');
    }
    return { kind: 'array', items, span: this.#span(start, this.#at) };
  }

  #scalar(start: number): JsonNode {
    const text = this.#match(STRING) ?? this.#match(NUMBER) ?? this.#match(LITERAL);
    if (text === undefined) this.#fail('a value is expected');
    const value = JSON.parse(text) as null | boolean | number | string;
    return { kind: 'scalar', value, span: this.#span(start, this.#at) };
  }
}

/** A value without its places. */
export function plainJson(node: JsonNode): JsonValue {
  switch (node.kind) {
    case 'scalar':
      return node.value;
    case 'array':
      return node.items.map(plainJson);
    case 'object':
      // Through entries, so that a member "__proto__" is a member like any other.
      return Object.fromEntries(node.members.map(({ name, value }) => [name, plainJson(value)]));
  }
}
