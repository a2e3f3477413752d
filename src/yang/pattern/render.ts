/**
 * XML Schema patterns as regular expressions of JavaScript and of PostgreSQL. The three languages differ
 * in anchoring, in what `.`, `$`, `^`, `\d` and `\w` mean, and in set subtraction; translating text to
 * text gets those wrong, so the parsed form is printed.
 */
import type { CharacterSet, PatternNode, SetPart } from './ast.ts';
import { parsePattern } from './parse.ts';
import { codePointsOf } from './code-points.ts';

const compiled = new Map<string, RegExp | undefined>();

/** So many patterns are remembered; published modules have some 140 different ones in all. */
const REMEMBERED = 2000;

/**
 * The pattern as an anchored JavaScript regular expression; undefined when the text is no pattern. The
 * same text always gives the same object.
 */
export function patternToRegExp(text: string): RegExp | undefined {
  if (!compiled.has(text)) {
    const parsed = parsePattern(text);
    const source = parsed.ok ? `^(?:${javascript(parsed.value)})$` : undefined;
    if (compiled.size >= REMEMBERED) compiled.clear();
    compiled.set(text, source === undefined ? undefined : new RegExp(source, 'v'));
  }
  return compiled.get(text);
}

/**
 * The pattern as an anchored PostgreSQL advanced regular expression (PostgreSQL manual §9.7.3), for use
 * with `~`; undefined when the text is no pattern or needs what PostgreSQL does not have (a count above
 * 255). Unicode categories are written out as code points.
 */
export function patternToPostgres(text: string): string | undefined {
  const parsed = parsePattern(text);
  if (!parsed.ok || largestCount(parsed.value) > POSTGRES_MAX_COUNT) return undefined;
  return `^(?:${postgres(parsed.value)})$`;
}

// PostgreSQL's DUPMAX.
const POSTGRES_MAX_COUNT = 255;

function javascript(node: PatternNode): string {
  return print(node, {
    character: escapeCharacter,
    set: javascriptSet,
  });
}

function postgres(node: PatternNode): string {
  return print(node, {
    character: escapeCharacter,
    set: postgresSet,
  });
}

function escapeCharacter(character: string): string {
  return character.replace(/[\\^$.*+?()[\]{}|/]/u, '\\$&');
}

interface Dialect {
  character: (character: string) => string;
  set: (set: CharacterSet) => string;
}

function print(node: PatternNode, dialect: Dialect): string {
  switch (node.kind) {
    case 'alternatives':
      return node.branches.map((branch) => print(branch, dialect)).join('|');
    case 'sequence':
      return node.items.map((item) => printItem(item, dialect)).join('');
    case 'repeat':
      return repeat(node, dialect);
    case 'character':
      return dialect.character(node.character);
    case 'set':
      return dialect.set(node.set);
  }
}

function printItem(node: PatternNode, dialect: Dialect): string {
  const text = print(node, dialect);
  return node.kind === 'alternatives' ? `(?:${text})` : text;
}

function repeat(node: Extract<PatternNode, { kind: 'repeat' }>, dialect: Dialect): string {
  const text = print(node.item, dialect);
  const atom = node.item.kind === 'character' || node.item.kind === 'set' ? text : `(?:${text})`;
  const { min, max } = node;
  if (max === undefined && min <= 1) return atom + (min === 0 ? '*' : '+');
  if (min === 0 && max === 1) return `${atom}?`;
  if (max === min) return `${atom}{${min}}`;
  return `${atom}{${min},${max ?? ''}}`;
}

function javascriptSet(set: CharacterSet): string {
  const parts = set.parts.map(javascriptPart).join('');
  const own = `[${set.negated ? '^' : ''}${parts}]`;
  return set.minus === undefined ? own : `[${own}--${javascriptSet(set.minus)}]`;
}

/** `\i` and `\c` are the name characters of XML 1.0, `\w` is all but punctuation, separators and other. */
const JAVASCRIPT_CLASSES: Readonly<Record<string, string>> = {
  s: ' \\t\\n\\r',
  i: '\\p{L}\\p{Nl}_\\:',
  c: '\\p{L}\\p{Nl}\\p{Mc}\\p{Me}\\p{Mn}\\p{Lm}\\p{Nd}\\-._\\:\\u00b7',
  d: '\\p{Nd}',
  w: '\\p{L}\\p{M}\\p{N}\\p{S}',
};

function javascriptPart(part: SetPart): string {
  switch (part.kind) {
    case 'range':
      return part.from === part.to ? hex(part.from) : `${hex(part.from)}-${hex(part.to)}`;
    case 'category':
      return `\\${part.negated ? 'P' : 'p'}{${part.category}}`;
    case 'block':
      return `[${part.negated ? '^' : ''}\\u{${part.from.toString(16)}}-\\u{${part.to.toString(16)}}]`;
    case 'class':
      return `[${part.negated ? '^' : ''}${JAVASCRIPT_CLASSES[part.letter]!}]`;
  }
}

function hex(character: string): string {
  if (/^[A-Za-z0-9]$/.test(character)) return character;
  return `\\u{${character.codePointAt(0)!.toString(16)}}`;
}

function postgresSet(set: CharacterSet): string {
  const simple = set.minus === undefined && set.parts.every((part) => part.kind === 'range');
  if (simple) return postgresBrackets(set.negated, set.parts.map(rangeOf));
  return postgresBrackets(false, codePointsOf(new RegExp(javascriptSet(set), 'v')));
}

function rangeOf(part: SetPart): [number, number] {
  return part.kind === 'range' ? [part.from.codePointAt(0)!, part.to.codePointAt(0)!] : [0, 0];
}

function postgresBrackets(
  negated: boolean,
  ranges: readonly (readonly [number, number])[],
): string {
  const parts = ranges.map(([from, to]) =>
    from === to ? postgresCharacter(from) : `${postgresCharacter(from)}-${postgresCharacter(to)}`,
  );
  // A set that holds nothing cannot be written: "(?!)" never matches either.
  if (parts.length === 0) return '(?!)';
  return `[${negated ? '^' : ''}${parts.join('')}]`;
}

function postgresCharacter(code: number): string {
  const character = String.fromCodePoint(code);
  if (/^[A-Za-z0-9]$/.test(character)) return character;
  return code <= 0xffff
    ? `\\u${code.toString(16).padStart(4, '0')}`
    : `\\U${code.toString(16).padStart(8, '0')}`;
}

function largestCount(node: PatternNode): number {
  switch (node.kind) {
    case 'alternatives':
      return Math.max(...node.branches.map(largestCount));
    case 'sequence':
      return Math.max(0, ...node.items.map(largestCount));
    case 'repeat':
      return Math.max(node.min, node.max ?? 0, largestCount(node.item));
    default:
      return 0;
  }
}
