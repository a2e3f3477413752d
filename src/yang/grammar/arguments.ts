/** The grammars of arguments (RFC 7950 §14). */
import { parseIfFeature } from './if-feature.ts';
import { parseIntervals } from './intervals.ts';
import { parseXPath } from '../xpath/parser.ts';
import { parseLeafrefPath } from '../xpath/path-argument.ts';
import { parsePattern } from '../pattern/parse.ts';
import { parseDate } from './date.ts';

export type ArgumentKind =
  | 'none'
  | 'string'
  | 'identifier'
  | 'identifier-ref'
  | 'uri'
  | 'date'
  | 'yang-version'
  | 'boolean'
  | 'integer'
  | 'non-negative'
  | 'max-elements'
  | 'status'
  | 'ordered-by'
  | 'fraction-digits'
  | 'modifier'
  | 'deviate'
  | 'enum'
  | 'key'
  | 'unique'
  | 'absolute-path'
  | 'descendant-path'
  | 'augment-path'
  | 'if-feature'
  | 'range'
  | 'length'
  | 'pattern'
  | 'xpath'
  | 'path';

/** What is wrong with an argument. */
export interface ArgumentProblem {
  code: 'bad-argument' | 'bad-xpath' | 'bad-pattern';
  /** The part of the argument that is wrong. */
  offset: number;
  length: number;
  problem?: string | undefined;
  expected?: string | undefined;
}

const IDENTIFIER = '[A-Za-z_][A-Za-z0-9_.-]*';
const REFERENCE = `(?:${IDENTIFIER}:)?${IDENTIFIER}`;
const BLANKS = '[ \\t\\r\\n]+';
const DESCENDANT = `${REFERENCE}(?:/${REFERENCE})*`;

/** Kinds that a regular expression describes in full, and the words for them. */
const SIMPLE: Partial<Record<ArgumentKind, readonly [RegExp, string]>> = {
  identifier: [
    whole(IDENTIFIER),
    'an identifier: a letter or "_", then letters, digits, "_", "-", "."',
  ],
  'identifier-ref': [whole(REFERENCE), 'a name, with a prefix if it is defined in another module'],
  uri: [/^[^\s<>"{}|\\^`]*$/, 'a URI'],
  'yang-version': [whole('1|1\\.1'), '"1" or "1.1"'],
  boolean: [whole('true|false'), '"true" or "false"'],
  integer: [whole('-?(?:0|[1-9][0-9]*)'), 'an integer'],
  'non-negative': [whole('0|[1-9][0-9]*'), 'an integer that is not negative'],
  'max-elements': [whole('unbounded|[1-9][0-9]*'), 'a positive integer or "unbounded"'],
  status: [whole('current|deprecated|obsolete'), '"current", "deprecated" or "obsolete"'],
  'ordered-by': [whole('user|system'), '"user" or "system"'],
  'fraction-digits': [whole('[1-9]|1[0-8]'), 'an integer from 1 to 18'],
  modifier: [whole('invert-match'), '"invert-match"'],
  deviate: [
    whole('not-supported|add|replace|delete'),
    '"not-supported", "add", "replace" or "delete"',
  ],
  enum: [/^(?![\s])[^]*[^\s]$|^\S$/, 'a name that is not empty and has no blanks around it'],
  key: [whole(`${REFERENCE}(?:${BLANKS}${REFERENCE})*`), 'names of leafs, separated by blanks'],
  unique: [
    whole(`${DESCENDANT}(?:${BLANKS}${DESCENDANT})*`),
    'paths to leafs below the list, separated by blanks',
  ],
  'absolute-path': [whole(`(?:/${REFERENCE})+`), 'a path from the root: "/prefix:name/…"'],
  'descendant-path': [whole(DESCENDANT), 'a path to a node below: "name/…"'],
  'augment-path': [whole(`(?:/${REFERENCE})+|${DESCENDANT}`), 'a path'],
};

function whole(pattern: string): RegExp {
  return new RegExp(`^(?:${pattern})$`);
}

/** Checks an argument by itself; undefined when it is right. */
export function checkArgument(kind: ArgumentKind, argument: string): ArgumentProblem | undefined {
  const simple = SIMPLE[kind];
  if (simple !== undefined) {
    return simple[0].test(argument) ? undefined : wrong(argument, simple[1]);
  }
  return checkStructured(kind, argument);
}

function checkStructured(kind: ArgumentKind, argument: string): ArgumentProblem | undefined {
  switch (kind) {
    case 'date':
      return parseDate(argument) ? undefined : wrong(argument, 'a date: YYYY-MM-DD');
    case 'if-feature':
      return failed('bad-argument', parseIfFeature(argument));
    case 'range':
    case 'length':
      return failed('bad-argument', parseIntervals(argument, kind));
    case 'pattern':
      return failed('bad-pattern', parsePattern(argument));
    case 'xpath':
      return failed('bad-xpath', parseXPath(argument));
    case 'path':
      return failed('bad-xpath', parseLeafrefPath(argument));
    default:
      return undefined;
  }
}

/** Result of the parsers of structured arguments. */
export type Parsed<T> = { ok: true; value: T } | { ok: false; error: ParseProblem };

export interface ParseProblem {
  offset: number;
  length: number;
  problem: string;
}

function failed(
  code: ArgumentProblem['code'],
  parsed: Parsed<unknown>,
): ArgumentProblem | undefined {
  if (parsed.ok) return undefined;
  const { offset, length, problem } = parsed.error;
  return { code, offset, length, problem };
}

function wrong(argument: string, expected: string): ArgumentProblem {
  return { code: 'bad-argument', offset: 0, length: argument.length, expected };
}
