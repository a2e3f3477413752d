/** Tokens of XPath 1.0 (§3.7), with its rules for telling names from operators. */

export type XPathTokenKind =
  | 'name'
  | 'function'
  | 'axis'
  | 'node-type'
  | 'operator'
  | 'literal'
  | 'number'
  | 'variable'
  | 'punctuation'
  | 'end';

export interface XPathToken {
  kind: XPathTokenKind;
  text: string;
  offset: number;
}

/** Where and why the text is not XPath. */
export interface XPathProblem {
  offset: number;
  length: number;
  problem: string;
}

const NCNAME = '[\\p{L}_][\\p{L}\\p{N}\\p{M}_.\\-·]*';
const TOKEN = new RegExp(
  [
    '(?<blank>[ \\t\\r\\n]+)',
    '(?<literal>"[^"]*"|\'[^\']*\')',
    '(?<number>\\d+(?:\\.\\d*)?|\\.\\d+)',
    '(?<punctuation>\\.\\.|::|[()[\\].@,])',
    '(?<operator>//|!=|<=|>=|[/|+\\-=<>])',
    `(?<variable>\\$${NCNAME}(?::${NCNAME})?)`,
    `(?<name>${NCNAME}(?::(?!:)(?:${NCNAME}|\\*))?)`,
    '(?<star>\\*)',
  ].join('|'),
  'uy',
);

const OPERATOR_NAMES = new Set(['and', 'or', 'mod', 'div']);
const NODE_TYPES = new Set(['comment', 'text', 'processing-instruction', 'node']);

/** Splits an expression into tokens, the last one of kind `end`; or says what cannot be read. */
export function tokenize(text: string): XPathToken[] | XPathProblem {
  const tokens: XPathToken[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.length) {
    const offset = TOKEN.lastIndex;
    const groups = TOKEN.exec(text)?.groups;
    if (groups === undefined) return unreadable(text, offset);
    if (groups.blank !== undefined) continue;
    tokens.push(classify(groups, { tokens, text, offset, end: TOKEN.lastIndex }));
  }
  tokens.push({ kind: 'end', text: '', offset: text.length });
  return tokens;
}

function unreadable(text: string, offset: number): XPathProblem {
  const character = String.fromCodePoint(text.codePointAt(offset)!);
  const quoted = character === '"' || character === "'";
  const problem = quoted
    ? `the string is not closed: ${character} is missing`
    : `"${character}" has no meaning here`;
  return { offset, length: 1, problem };
}

interface Place {
  tokens: XPathToken[];
  text: string;
  offset: number;
  end: number;
}

function classify(groups: Record<string, string | undefined>, place: Place): XPathToken {
  const { offset } = place;
  for (const kind of ['literal', 'number', 'punctuation', 'operator', 'variable'] as const) {
    const text = groups[kind];
    if (text !== undefined) return { kind, text, offset };
  }
  const text = groups.name ?? groups.star!;
  const operator = operatorExpected(place.tokens.at(-1));
  if (operator && (text === '*' || OPERATOR_NAMES.has(text)))
    return { kind: 'operator', text, offset };
  return { kind: nameKind(text, place.text.slice(place.end)), text, offset };
}

/** After an operand, `*` and the operator names are operators (XPath 1.0 §3.7, first rule). */
function operatorExpected(before: XPathToken | undefined): boolean {
  if (before === undefined || before.kind === 'operator' || before.kind === 'axis') return false;
  return !(before.kind === 'punctuation' && ['@', '::', '(', '[', ','].includes(before.text));
}

function nameKind(text: string, rest: string): XPathTokenKind {
  const next = /^\s*(\(|::)/.exec(rest)?.[1];
  if (next === '(') return NODE_TYPES.has(text) ? 'node-type' : 'function';
  return next === '::' ? 'axis' : 'name';
}
