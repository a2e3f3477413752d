import { TextProblem, quote } from './problem.ts';

/*
 * BIND's $GENERATE (BIND 9 Administrator Reference Manual, "BIND Primary File Extension"):
 * `$GENERATE start-stop[/step] owner [ttl] [class] type data`, where `$` in owner and data is the number and
 * `${offset,width,base}` the number plus offset, padded with zeros, in base d, o, x, X, n or N. Each stands for
 * itself; BIND 9.18 adds the offset of one to every plain `$` after it in the same word, which its manual does
 * not say.
 */

/** Numbers of one directive: as many as a /8 network has addresses. */
const MAX_GENERATED = 2 ** 24;

/** Largest number, with its offset: a signed integer of 32 bits, as in BIND. */
const MAX_NUMBER = 2 ** 31 - 1;

/** Widest padding: a name has no room for more. */
const MAX_WIDTH = 255;

export interface GenerateRange {
  start: number;
  stop: number;
  step: number;
}

/** @throws TextProblem */
export function parseRange(text: string): GenerateRange {
  const [, first, last, by = '1'] = /^(\d{1,10})-(\d{1,10})(?:\/(\d{1,10}))?$/.exec(text) ?? [];
  const range = { start: Number(first), stop: Number(last), step: Number(by) };
  const { start, stop, step } = range;
  if (!(start <= stop && stop <= MAX_NUMBER && step > 0)) {
    throw new TextProblem(
      `${quote(text)} is not a range`,
      'Write START-STOP or START-STOP/STEP: 1-254, 0-255/2',
    );
  }
  if ((stop - start) / step < MAX_GENERATED) return range;
  throw new TextProblem(
    `${quote(text)} makes more than ${MAX_GENERATED} records`,
    'Give several smaller ranges',
  );
}

/** Makes the text for one number. */
export type Template = (number: number) => string;

/**
 * Compiles the owner or the data. A backslash keeps the character after it as it is, so `\$` is a dollar
 * sign; so is `$$`.
 *
 * @throws TextProblem for a broken `${…}`; the template itself for a number that is too large
 */
export function parseTemplate(text: string): Template {
  const parts: (string | Template)[] = [];
  for (const [part] of text.matchAll(/\\.?|\$\$|\$\{[^}]*\}?|\$|[^\\$]+/gs)) {
    if (part === '$$') parts.push('\\$');
    else if (part === '$') parts.push(String);
    else if (part.startsWith('$')) parts.push(parseModifier(part));
    else parts.push(part);
  }
  return (number) => parts.map((part) => (typeof part === 'string' ? part : part(number))).join('');
}

function parseModifier(text: string): Template {
  const match = /^\$\{(-?\d{1,10})(?:,(\d{1,3})(?:,([doxXnN]))?)?\}$/.exec(text);
  const [, offset, width = '0', base = 'd'] = match ?? [];
  if (match === null || Number(width) > MAX_WIDTH) {
    throw new TextProblem(
      `${quote(text)} is not a modifier`,
      'Write ${OFFSET}, ${OFFSET,WIDTH} or ${OFFSET,WIDTH,BASE} with base d, o, x, X, n or N',
    );
  }
  return (number) => {
    const value = number + Number(offset);
    if (Math.abs(value) <= MAX_NUMBER) return formatNumber(value, Number(width), base);
    throw new TextProblem(`${quote(text)} makes ${value}`, 'Numbers go up to 2147483647');
  };
}

function formatNumber(value: number, width: number, base: string): string {
  if (base === 'n' || base === 'N') return nibbles(value, width, base === 'N');
  if (base === 'd') {
    const digits = String(Math.abs(value));
    return value < 0 ? `-${digits.padStart(width - 1, '0')}` : digits.padStart(width, '0');
  }
  const digits = (value >>> 0).toString(base === 'o' ? 8 : 16).padStart(width, '0');
  return base === 'X' ? digits.toUpperCase() : digits;
}

/** Hexadecimal digits from the lowest up with dots between, for ip6.arpa; the width counts the dots too. */
function nibbles(value: number, width: number, upper: boolean): string {
  let rest = value >>> 0;
  let left = width;
  let text = '';
  do {
    text += (rest & 15).toString(16);
    rest >>>= 4;
    left -= 1;
    if (left > 0 || rest !== 0) {
      text += '.';
      left -= 1;
    }
  } while (left > 0 || rest !== 0);
  return upper ? text.toUpperCase() : text;
}
