/**
 * Whether one CHECK allows all that others allow. It goes by the text of the conditions, which the compiler wrote
 * (row-checks.ts, column-type.ts, array-type.ts): what it does not know is taken for narrower.
 *
 * A CHECK holds where it is true or NULL. AND and OR keep that apart as they keep truth: a conjunction holds where all
 * its parts do, a disjunction where one does.
 */

type Condition = { all: Condition[] } | { any: Condition[] } | { text: string };

const TOKEN = /'(?:[^']|'')*'|"(?:[^"]|"")*"|[A-Za-z_][\w$]*|\s+|./gs;
const LITERAL = `'(?:[^']|'')*'`;
const LIST = new RegExp(`^(.+) (?:IN \\(|<@ ARRAY\\[)(${LITERAL}(?:, ${LITERAL})*)[)\\]]$`, 's');
const NUMBER = String.raw`-?\d+(?:\.\d+)?`;

/** Whether a condition holds for every row for which all of `known` hold; false where that cannot be seen. */
export function isImplied(known: readonly string[], condition: string): boolean {
  return implies({ all: known.map(parse) }, parse(condition));
}

/** Names in an SQL expression that can be columns, without their quotes. */
export function namesIn(expression: string): Set<string> {
  const tokens = expression.match(TOKEN) ?? [];
  const names = tokens.filter((token) => /^["A-Za-z_]/.test(token));
  return new Set(
    names.map((name) => (name.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name)),
  );
}

function implies(known: Condition, condition: Condition): boolean {
  if ('all' in condition) return condition.all.every((part) => implies(known, part));
  if ('any' in known) return known.any.every((part) => implies(part, condition));
  if ('all' in known && known.all.some((part) => implies(part, condition))) return true;
  if ('any' in condition) return condition.any.some((part) => implies(known, part));
  if ('all' in known) return false;
  return known.text === condition.text || isWider(known.text, condition.text);
}

function parse(text: string): Condition {
  const any = split(text, 'OR');
  if (any.length > 1) return { any: any.map(parse) };
  const all = split(text, 'AND');
  if (all.length > 1) return { all: all.map(parse) };
  const inner = withoutParentheses(text);
  return inner === undefined ? { text } : parse(inner);
}

/** The operands of an operator that is in no parentheses; the AND of a BETWEEN is none. */
function split(text: string, operator: 'AND' | 'OR'): string[] {
  const parts = [''];
  let depth = 0;
  let between = false;
  for (const token of text.match(TOKEN) ?? []) {
    depth += depthOf(token);
    const isOperator = depth === 0 && token === operator && !between;
    if (depth === 0 && token === 'AND') between = false;
    if (depth === 0 && token === 'BETWEEN') between = operator === 'AND';
    if (isOperator) parts.push('');
    else parts[parts.length - 1] += token;
  }
  return parts.map((part) => part.trim());
}

function depthOf(token: string): number {
  if (['(', '[', 'CASE'].includes(token)) return 1;
  return [')', ']', 'END'].includes(token) ? -1 : 0;
}

/** What is in the parentheses that are around the whole text. */
function withoutParentheses(text: string): string | undefined {
  if (!text.startsWith('(')) return undefined;
  let depth = 0;
  let at = 0;
  for (const token of text.match(TOKEN) ?? []) {
    depth += depthOf(token);
    at += token.length;
    if (depth === 0) break;
  }
  return at === text.length ? text.slice(1, -1).trim() : undefined;
}

/** Two conditions of one form on one expression: both are NULL where that is. Of NOT the opposite would be true. */
function isWider(known: string, condition: string): boolean {
  if (hasNot(known) || hasNot(condition)) return false;
  return [isLongerList, isWiderInterval, hasMoreBits].some((test) => test(known, condition));
}

/** In no parentheses. */
function hasNot(text: string): boolean {
  let depth = 0;
  return (text.match(TOKEN) ?? []).some((token) => {
    depth += depthOf(token);
    return depth === 0 && token === 'NOT';
  });
}

function isLongerList(known: string, condition: string): boolean {
  const [old, now] = [known, condition].map((text) => LIST.exec(text));
  if (!old || !now || old[1] !== now[1]) return false;
  const values = new Set(literals(now[2]!));
  return literals(old[2]!).every((value) => values.has(value));
}

function literals(list: string): string[] {
  return (list.match(TOKEN) ?? []).filter((token) => token.startsWith("'"));
}

interface Interval {
  of: string;
  from?: bigint;
  to?: bigint;
}

function isWiderInterval(known: string, condition: string): boolean {
  const [old, now] = [interval(known), interval(condition)];
  if (old === undefined || now === undefined || old.of !== now.of) return false;
  const below = now.from === undefined || (old.from !== undefined && now.from <= old.from);
  return below && (now.to === undefined || (old.to !== undefined && old.to <= now.to));
}

function interval(text: string): Interval | undefined {
  const between = new RegExp(`^(.+) BETWEEN (${NUMBER}) AND (${NUMBER})$`, 's').exec(text);
  if (between) return { of: between[1]!, from: units(between[2]!), to: units(between[3]!) };
  const all = new RegExp(`^(${NUMBER}) (<=|>=) (ALL \\(.+\\))$`, 's').exec(text);
  if (all) return { of: all[3]!, [all[2] === '<=' ? 'from' : 'to']: units(all[1]!) };
  const single = new RegExp(`^(.+) (=|<=|>=) (${NUMBER})$`, 's').exec(text);
  if (single === null) return undefined;
  const [, of, operator, number] = single as unknown as [string, string, string, string];
  return {
    of,
    ...(operator === '<=' ? {} : { from: units(number) }),
    ...(operator === '>=' ? {} : { to: units(number) }),
  };
}

/** In units of 10^-18, the smallest of decimal64 (RFC 7950 §9.3). */
function units(number: string): bigint {
  const [whole, part = ''] = number.split('.');
  return BigInt(whole! + part.padEnd(18, '0'));
}

/** Names of bits in their order, each of which may be there. */
function hasMoreBits(known: string, condition: string): boolean {
  const [old, now] = [known, condition].map((text) =>
    /^(.+) ~ '\^((?:\( [^()]+\)\?)*)\$'$/s.exec(text),
  );
  if (!old || !now || old[1] !== now[1]) return false;
  const bits = now[2]!.split('?');
  let at = -1;
  return old[2]!.split('?').every((bit) => (at = bits.indexOf(bit, at + 1)) >= 0);
}
