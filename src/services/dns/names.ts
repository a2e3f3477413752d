import { decimalEscape, octetAt } from './escapes.ts';
import { TextProblem, quote } from './problem.ts';

/*
 * Domain names (RFC 1035 §3.1, §5.1). Inside they are in wire form (length-prefixed labels); their
 * canonical text is absolute with a final dot, and for owners in lower case (RFC 4343 §3, RFC 4034 §6.2).
 */

/** Longest name in wire form and longest label (RFC 1035 §2.3.4). */
const MAX_NAME = 255;
const MAX_LABEL = 63;

const DOT = 0x2e;
const UPPER_A = 0x41;
const UPPER_Z = 0x5a;

/** Characters of a label that have a meaning in master files, so that a backslash goes before them. */
const SPECIAL = new Set(Buffer.from('."$();@\\'));

/** The root in wire form. */
export const ROOT = Buffer.from([0]);

/**
 * The wire form of a name as a master file has it.
 *
 * @param text with escapes; `@` alone is the origin; without a final dot it is relative
 * @param origin in wire form; undefined if none is known yet
 * @throws TextProblem for an empty or long label, a long name, a relative name without origin
 */
export function parseName(text: string, origin: Buffer | undefined): Buffer {
  if (text === '.') return ROOT;
  if (text === '@') return known(text, origin);
  const wire = Buffer.allocUnsafe(MAX_NAME);
  let start = 0;
  let end = 1;
  let absolute = false;
  for (let at = 0; at < text.length;) {
    const { code, next, escaped } = octetAt(text, at);
    at = next;
    if (code !== DOT || escaped) {
      if (end >= MAX_NAME) throw tooLong(text);
      wire[end++] = code;
      continue;
    }
    closeLabel(wire, start, end, text);
    start = end++;
    absolute = at === text.length;
  }
  if (!absolute) {
    closeLabel(wire, start, end, text);
    return append(wire.subarray(0, end), known(text, origin), text);
  }
  if (end > MAX_NAME) throw tooLong(text);
  wire[start] = 0;
  return wire.subarray(0, end);
}

function closeLabel(wire: Buffer, start: number, end: number, text: string): void {
  const length = end - start - 1;
  if (length === 0) {
    throw new TextProblem(
      `${quote(text)} is not a name: it has an empty label`,
      'Write one dot between labels, or \\. where the dot belongs to the label',
    );
  }
  if (length > MAX_LABEL) {
    throw new TextProblem(
      `${quote(text)} is not a name: a label has ${length} octets`,
      `A label has at most ${MAX_LABEL} octets (RFC 1035 §2.3.4)`,
    );
  }
  if (start >= MAX_NAME) throw tooLong(text);
  wire[start] = length;
}

function append(labels: Buffer, origin: Buffer, text: string): Buffer {
  if (labels.length + origin.length > MAX_NAME) throw tooLong(text);
  return Buffer.concat([labels, origin]);
}

function tooLong(text: string): TextProblem {
  return new TextProblem(
    `${quote(text)} is not a name: it has more than ${MAX_NAME} octets`,
    `A name has at most ${MAX_NAME} octets with its origin (RFC 1035 §2.3.4)`,
  );
}

function known(text: string, origin: Buffer | undefined): Buffer {
  if (origin !== undefined) return origin;
  throw new TextProblem(
    `${quote(text)} is relative, and no origin is known here`,
    'Put $ORIGIN before it, write the name with a final dot, or give --origin NAME',
  );
}

/** The canonical text of a name in wire form; its case stays. */
export function formatName(wire: Buffer): string {
  if (wire.length === 1) return '.';
  let text = '';
  for (let at = 0; wire[at] !== 0;) {
    const end = at + 1 + wire[at]!;
    for (at += 1; at < end; at++) text += labelCharacter(wire[at]!);
    text += '.';
  }
  return text;
}

function labelCharacter(code: number): string {
  if (code <= 0x20 || code > 0x7e) return decimalEscape(code);
  return SPECIAL.has(code) ? `\\${String.fromCharCode(code)}` : String.fromCharCode(code);
}

/** Lower case of ASCII letters only (RFC 4343 §3). Length octets are below 64 and so never letters. */
export function lowerName(wire: Buffer): Buffer {
  const lower = Buffer.from(wire);
  for (let at = 0; at < lower.length; at++) {
    const code = lower[at]!;
    if (code >= UPPER_A && code <= UPPER_Z) lower[at] = code + 0x20;
  }
  return lower;
}

/**
 * The canonical text of a name that a person gave (absolute even without the final dot).
 *
 * @throws TextProblem
 */
export function canonicalName(text: string): string {
  return formatName(lowerName(parseName(Buffer.from(text, 'utf8').toString('latin1'), ROOT)));
}

/** True if canonical `name` is `zone` or below it. Both end in a dot, and an escaped dot is no boundary. */
export function isWithin(name: string, zone: string): boolean {
  if (name === zone || zone === '.') return true;
  if (!name.endsWith(`.${zone}`)) return false;
  let backslashes = 0;
  for (let at = name.length - zone.length - 2; at >= 0 && name[at] === '\\'; at--) backslashes += 1;
  return backslashes % 2 === 0;
}

/** Labels of a name in wire form, the leftmost first. */
export function labelsOf(wire: Buffer): Buffer[] {
  const labels: Buffer[] = [];
  for (let at = 0; wire[at] !== 0; at += 1 + wire[at]!) {
    labels.push(wire.subarray(at + 1, at + 1 + wire[at]!));
  }
  return labels;
}

/** Canonical order of names (RFC 4034 §6.1): by labels from the right, absent before present. */
export function compareNames(one: Buffer, other: Buffer): number {
  const left = labelsOf(lowerName(one)).reverse();
  const right = labelsOf(lowerName(other)).reverse();
  for (let at = 0; at < Math.min(left.length, right.length); at++) {
    const order = Buffer.compare(left[at]!, right[at]!);
    if (order !== 0) return order;
  }
  return left.length - right.length;
}
