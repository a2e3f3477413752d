import type { Parsed } from '../grammar/arguments.ts';
import type { CharacterSet, PatternNode, SetPart } from './ast.ts';
import { ANY_CHARACTER } from './ast.ts';
import { unicodeBlock } from './blocks.ts';

/** Deeper nesting of groups is refused, so that no later step can run out of stack. */
const MAX_DEPTH = 100;

/** Larger counts are refused: every regular expression engine has a limit near it. PostgreSQL's is 255. */
const MAX_COUNT = 65535;

const SINGLE_ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t' };
const ESCAPABLE = '\\|.?*+(){}-[]^';
const CATEGORY = /^(?:L[ultmo]?|M[nce]?|N[dlo]?|P[cdseifo]?|Z[slp]?|S[mcko]?|C[cfon]?)$/;

/** Parses an XML Schema regular expression (XML Schema Part 2, Appendix F; RFC 7950 §9.4.5). */
export function parsePattern(text: string): Parsed<PatternNode> {
  try {
    return { ok: true, value: new PatternParser(text).parse() };
  } catch (error) {
    if (error instanceof PatternProblem) {
      return { ok: false, error: { offset: error.offset, length: 1, problem: error.message } };
    }
    throw error;
  }
}

class PatternProblem extends Error {
  readonly offset: number;

  constructor(offset: number, message: string) {
    super(message);
    this.offset = offset;
  }
}

class PatternParser {
  readonly #text: string;
  #at = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
  }

  parse(): PatternNode {
    const node = this.#alternatives();
    if (this.#at < this.#text.length) this.#fail('")" has no "(" before it');
    return node;
  }

  #fail(problem: string, offset = this.#at): never {
    throw new PatternProblem(Math.min(offset, Math.max(0, this.#text.length - 1)), problem);
  }

  get #next(): string | undefined {
    const code = this.#text.codePointAt(this.#at);
    return code === undefined ? undefined : String.fromCodePoint(code);
  }

  #take(): string {
    const character = this.#next;
    if (character === undefined) this.#fail('the pattern ends too early');
    this.#at += character.length;
    return character;
  }

  #accept(character: string): boolean {
    if (this.#text[this.#at] !== character) return false;
    this.#at += 1;
    return true;
  }

  #alternatives(): PatternNode {
    this.#depth += 1;
    if (this.#depth > MAX_DEPTH) this.#fail('groups are nested too deeply');
    const branches = [this.#sequence()];
    while (this.#accept('|')) branches.push(this.#sequence());
    this.#depth -= 1;
    return branches.length === 1 ? branches[0]! : { kind: 'alternatives', branches };
  }

  #sequence(): PatternNode {
    const items: PatternNode[] = [];
    while (this.#next !== undefined && this.#next !== '|' && this.#next !== ')') {
      items.push(this.#quantified(this.#atom()));
    }
    return items.length === 1 ? items[0]! : { kind: 'sequence', items };
  }

  #quantified(item: PatternNode): PatternNode {
    if (this.#accept('?')) return { kind: 'repeat', item, min: 0, max: 1 };
    if (this.#accept('*')) return { kind: 'repeat', item, min: 0, max: undefined };
    if (this.#accept('+')) return { kind: 'repeat', item, min: 1, max: undefined };
    if (!this.#accept('{')) return item;
    const match = /^(\d+)(?:(,)(\d*))?\}/.exec(this.#text.slice(this.#at));
    if (match === null) this.#fail('a count looks like {2}, {2,} or {2,4}');
    const min = Number(match[1]);
    const max = match[2] === undefined ? min : match[3] === '' ? undefined : Number(match[3]);
    if (min > MAX_COUNT || (max ?? 0) > MAX_COUNT) this.#fail(`a count is at most ${MAX_COUNT}`);
    if (max !== undefined && max < min) this.#fail('the lower count is above the upper one');
    this.#at += match[0].length;
    return { kind: 'repeat', item, min, max };
  }

  #atom(): PatternNode {
    const start = this.#at;
    const character = this.#take();
    switch (character) {
      case '(':
        return this.#group(start);
      case '[':
        return { kind: 'set', set: this.#set() };
      case '.':
        return { kind: 'set', set: ANY_CHARACTER };
      case '\\':
        return this.#escapedAtom();
      case '?':
      case '*':
      case '+':
        return this.#fail(`"${character}" has nothing before it to repeat`, start);
      case '{':
      case '}':
      case ']':
        return this.#fail(`"${character}" must be written "\\${character}"`, start);
      default:
        return { kind: 'character', character };
    }
  }

  #group(start: number): PatternNode {
    if (this.#next === '?') this.#fail('XML Schema patterns have no "(?"');
    const inner = this.#alternatives();
    if (!this.#accept(')')) this.#fail('"(" is not closed', start);
    return inner;
  }

  #escapedAtom(): PatternNode {
    const escape = this.#escape();
    if (typeof escape === 'string') return { kind: 'character', character: escape };
    return { kind: 'set', set: { negated: false, parts: [escape], minus: undefined } };
  }

  /** What stands behind a backslash: one character, or a set. */
  #escape(): string | SetPart {
    const start = this.#at;
    const letter = this.#take();
    const single = SINGLE_ESCAPES[letter];
    if (single !== undefined) return single;
    if (ESCAPABLE.includes(letter)) return letter;
    if (letter === 'p' || letter === 'P') return this.#property(letter === 'P');
    const lower = letter.toLowerCase();
    if (lower === 's' || lower === 'i' || lower === 'c' || lower === 'd' || lower === 'w') {
      return { kind: 'class', letter: lower, negated: letter !== lower };
    }
    return this.#fail(`there is no escape "\\${letter}"`, start - 1);
  }

  #property(negated: boolean): SetPart {
    const match = /^\{([^}]*)\}/.exec(this.#text.slice(this.#at));
    const name = match?.[1] ?? '';
    const block = name.startsWith('Is') ? unicodeBlock(name.slice(2)) : undefined;
    if (block === undefined && !CATEGORY.test(name)) {
      this.#fail(`"${name}" is no category or block of Unicode`);
    }
    this.#at += match![0].length;
    if (block === undefined) return { kind: 'category', category: name, negated };
    return { kind: 'block', from: block[0], to: block[1], negated };
  }

  #set(): CharacterSet {
    const start = this.#at - 1;
    this.#depth += 1;
    if (this.#depth > MAX_DEPTH) this.#fail('sets are nested too deeply');
    const set: CharacterSet = { negated: this.#accept('^'), parts: [], minus: undefined };
    while (!this.#accept(']')) {
      if (this.#next === undefined) this.#fail('"[" is not closed', start);
      if (set.parts.length > 0 && this.#text.startsWith('-[', this.#at)) {
        this.#at += 2;
        set.minus = this.#set();
        if (this.#next !== ']') this.#fail('a subtraction must be the last part of a set');
      } else set.parts.push(this.#setPart());
    }
    if (set.parts.length === 0) this.#fail('a set cannot be empty', start);
    this.#depth -= 1;
    return set;
  }

  #setPart(): SetPart {
    const start = this.#at;
    const from = this.#setCharacter();
    if (typeof from !== 'string') return from;
    const range =
      this.#text[this.#at] === '-' && !['[', ']', undefined].includes(this.#text[this.#at + 1]);
    if (!range) return { kind: 'range', from, to: from };
    this.#at += 1;
    const to = this.#setCharacter();
    if (typeof to !== 'string') this.#fail('a range ends with one character', start);
    if (to.codePointAt(0)! < from.codePointAt(0)!) {
      this.#fail(`the range ${from}-${to} is upside down`, start);
    }
    return { kind: 'range', from, to };
  }

  #setCharacter(): string | SetPart {
    const start = this.#at;
    const character = this.#take();
    if (character === '\\') return this.#escape();
    if (character === '[') this.#fail('"[" in a set must be written "\\["', start);
    return character;
  }
}
