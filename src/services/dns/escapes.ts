import { TextProblem, quote } from './problem.ts';

/*
 * Escapes of master files (RFC 1035 §5.1): `\DDD` is the octet of that decimal number, `\X` the character
 * X without its special meaning.
 */

const BACKSLASH = 0x5c;

/** One octet of escaped text and where the next begins. */
export interface Octet {
  code: number;
  next: number;
  escaped: boolean;
}

/**
 * Reads the octet at `at`.
 *
 * @throws TextProblem for `\256`, `\1a` or a backslash at the end
 */
export function octetAt(text: string, at: number): Octet {
  const code = text.charCodeAt(at);
  if (code !== BACKSLASH) return { code, next: at + 1, escaped: false };
  const digits = /^\d{1,3}/.exec(text.slice(at + 1, at + 4))?.[0];
  if (digits === undefined) {
    if (at + 1 >= text.length) throw bad(text, 'ends in a backslash');
    return { code: text.charCodeAt(at + 1), next: at + 2, escaped: true };
  }
  const value = Number(digits);
  if (digits.length < 3 || value > 255) throw bad(text, `has the escape "\\${digits}"`);
  return { code: value, next: at + 4, escaped: true };
}

function bad(text: string, what: string): TextProblem {
  return new TextProblem(
    `${quote(text)} ${what}`,
    'Write an octet as a backslash and three digits, \\000 to \\255; a backslash itself as \\\\',
  );
}

/** The octets of escaped text. */
export function unescape(text: string): Buffer {
  if (!text.includes('\\')) return Buffer.from(text, 'latin1');
  const bytes = Buffer.allocUnsafe(text.length);
  let length = 0;
  for (let at = 0; at < text.length;) {
    const { code, next } = octetAt(text, at);
    bytes[length++] = code;
    at = next;
  }
  return bytes.subarray(0, length);
}

/** `\DDD` of an octet. */
export function decimalEscape(code: number): string {
  return `\\${String(code).padStart(3, '0')}`;
}

/**
 * A quoted string in canonical form: only `"` and `\` are escaped by a backslash, only octets that do not
 * print by their number.
 */
export function quotedString(bytes: Uint8Array): string {
  let text = '"';
  for (const code of bytes) {
    if (code < 0x20 || code > 0x7e) text += decimalEscape(code);
    else if (code === 0x22 || code === BACKSLASH) text += `\\${String.fromCharCode(code)}`;
    else text += String.fromCharCode(code);
  }
  return `${text}"`;
}
