import { TextProblem, quote } from '../problem.ts';
import type { Field } from './field.ts';

/** @throws TextProblem */
export function parseHex(text: string): Buffer {
  if (/^([0-9a-fA-F]{2})*$/.test(text)) return Buffer.from(text, 'hex');
  throw new TextProblem(
    `${quote(text)} is not hexadecimal data`,
    'Write an even number of the digits 0-9 and a-f; spaces between them are allowed',
  );
}

/** @throws TextProblem for other characters, missing padding, or bits that the padding hides */
export function parseBase64(text: string): Buffer {
  const bytes = Buffer.from(text, 'base64');
  if (text.length % 4 === 0 && bytes.toString('base64') === text) return bytes;
  throw new TextProblem(
    `${quote(text)} is not base64 data`,
    'Write A-Z a-z 0-9 + / and the padding "=" (RFC 4648 §4); spaces between them are allowed',
  );
}

const BASE32 = '0123456789abcdefghijklmnopqrstuv';

/** Base 32 with the extended hex alphabet, no padding (RFC 4648 §7, RFC 5155 §3.3). */
export function parseBase32(text: string): Buffer {
  const bytes: number[] = [];
  let bits = 0;
  let value = 0;
  for (const character of text.toLowerCase()) {
    const digit = BASE32.indexOf(character);
    if (digit < 0) throw badBase32(text);
    value = ((value << 5) | digit) & 0xfff;
    bits += 5;
    if (bits < 8) continue;
    bits -= 8;
    bytes.push((value >> bits) & 0xff);
  }
  const result = Buffer.from(bytes);
  if (formatBase32(result) !== text.toLowerCase()) throw badBase32(text);
  return result;
}

function badBase32(text: string): TextProblem {
  return new TextProblem(
    `${quote(text)} is not a hash in base 32`,
    'Write the digits 0-9 and a-v without padding (RFC 5155 §3.3)',
  );
}

export function formatBase32(bytes: Buffer): string {
  let text = '';
  let bits = 0;
  let value = 0;
  for (const byte of bytes) {
    value = ((value << 8) | byte) & 0xffff;
    for (bits += 8; bits >= 5; bits -= 5) text += BASE32[(value >> (bits - 5)) & 31]!;
  }
  return bits === 0 ? text : text + BASE32[(value << (5 - bits)) & 31]!;
}

function rest(
  what: string,
  minimum: number,
  code: { parse: (text: string) => Buffer; format: (bytes: Buffer) => string },
): Field {
  return {
    parse(input, wire) {
      const first = minimum > 0 || input.peek() !== undefined ? input.word(what) : '';
      wire.bytes(code.parse(first + input.words(what).join('')));
    },
    format(wire) {
      if (wire.left >= minimum) return code.format(wire.rest());
      throw new TextProblem(`${what} is missing`, 'Add it at the end of the record');
    },
  };
}

const HEX = { parse: parseHex, format: (bytes: Buffer): string => bytes.toString('hex') };
const BASE64 = { parse: parseBase64, format: (bytes: Buffer): string => bytes.toString('base64') };

/** Hexadecimal data up to the end, spaces allowed; canonical in lower case without spaces. */
export const hexRest = (what: string): Field => rest(what, 1, HEX);

/** Base64 data up to the end, spaces allowed; canonical without spaces. */
export const base64Rest = (what: string): Field => rest(what, 1, BASE64);

/** The same where nothing may be left (KEY without key, RFC 2535 §3.1.2). */
export const base64RestOrNone = (what: string): Field => rest(what, 0, BASE64);

/** Base64 data that is `-` when empty (DOA). */
export const base64RestOrDash: Field = {
  parse(input, wire) {
    const text = input.words('data').join('');
    wire.bytes(text === '-' ? Buffer.alloc(0) : parseBase64(text));
  },
  format: (wire) => (wire.left === 0 ? '-' : wire.rest().toString('base64')),
};

/** A counted salt in hexadecimal that is `-` when empty (RFC 5155 §3.3). */
export const salt: Field = {
  parse(input, wire) {
    const text = input.word('a salt');
    const bytes = text === '-' ? Buffer.alloc(0) : parseHex(text);
    if (bytes.length > 255) throw new TextProblem('the salt has more than 255 octets', 'Cut it');
    wire.counted(bytes);
  },
  format(wire) {
    const bytes = wire.counted();
    return bytes.length === 0 ? '-' : bytes.toString('hex');
  },
};

/** A counted hash in base 32 (next owner of NSEC3, RFC 5155 §3.3). */
export const hash: Field = {
  parse(input, wire) {
    const bytes = parseBase32(input.word('a hash'));
    if (bytes.length === 0 || bytes.length > 255) {
      throw new TextProblem('the hash is empty or too long', 'It has 1 to 255 octets');
    }
    wire.counted(bytes);
  },
  format: (wire) => formatBase32(wire.counted()),
};
