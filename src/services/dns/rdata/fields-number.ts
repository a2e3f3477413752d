import { TextProblem, quote } from '../problem.ts';
import { requireType, typeName } from '../rr-types.ts';
import { parseTime } from '../ttl.ts';
import type { Field } from './field.ts';

/**
 * A decimal number of at most `limit`.
 *
 * @throws TextProblem
 */
export function parseNumber(text: string, limit: number): number {
  const value = /^\d{1,15}$/.test(text) ? Number(text) : Infinity;
  if (value <= limit) return value;
  throw new TextProblem(
    `${quote(text)} is not a number of 0 to ${limit}`,
    'Write it in decimal digits, without sign or unit',
  );
}

function number(what: string, bits: 8 | 16 | 32, convert?: (text: string) => number): Field {
  const read = convert ?? ((text: string) => parseNumber(text, 2 ** bits - 1));
  return {
    parse(input, wire) {
      const value = read(input.word(what));
      if (bits === 8) wire.u8(value);
      else if (bits === 16) wire.u16(value);
      else wire.u32(value);
    },
    format(wire) {
      return String(bits === 8 ? wire.u8() : bits === 16 ? wire.u16() : wire.u32());
    },
  };
}

/** Unsigned numbers of 8, 16 and 32 bits. */
export const u8 = (what: string): Field => number(what, 8);
export const u16 = (what: string): Field => number(what, 16);
export const u32 = (what: string): Field => number(what, 32);

/** A time of 32 bits that may have units (`1h`), as BIND takes them in the SOA record. */
export const seconds = (what: string): Field => number(what, 32, (text) => parseTime(text));

/** A number for which the file may have a mnemonic; the canonical text is the number. */
export function mnemonic(what: string, bits: 8 | 16, names: Record<string, number>): Field {
  return number(what, bits, (text) => {
    const upper = text.toUpperCase();
    return Object.hasOwn(names, upper) ? names[upper]! : parseNumber(text, 2 ** bits - 1);
  });
}

/** A record type (type covered of RRSIG, RFC 4034 §3.2). */
export function typeField(what: string): Field {
  return {
    parse: (input, wire) => wire.u16(requireType(input.word(what))),
    format: (wire) => typeName(wire.u16()),
  };
}

/**
 * Octets in groups of hexadecimal digits: `00-00-5e-00-53-01` (EUI48), `0014:4fff:ff20:ee64` (NID).
 *
 * @param group octets of a group, what stands between groups, and whether leading zeros may be left out
 */
export function grouped(
  what: string,
  size: number,
  group: { octets: number; by: string; short: boolean },
): Field {
  const digits = group.octets * 2;
  const count = size / group.octets;
  const one = new RegExp(`^[0-9a-f]{${group.short ? 1 : digits},${digits}}$`, 'i');
  return {
    parse(input, wire) {
      const text = input.word(what);
      const groups = text.split(group.by);
      if (groups.length !== count || !groups.every((part) => one.test(part))) {
        throw new TextProblem(
          `${quote(text)} is not ${what}`,
          `Write ${count} groups of ${digits} hexadecimal digits with "${group.by}" between them`,
        );
      }
      wire.bytes(Buffer.from(groups.map((part) => part.padStart(digits, '0')).join(''), 'hex'));
    },
    format(wire) {
      const groups = Array.from({ length: count }, () => wire.bytes(group.octets).toString('hex'));
      return groups.join(group.by);
    },
  };
}

const TIME = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)$/;

/** A time of a signature (RFC 4034 §3.2): `YYYYMMDDHHmmSS` in UTC, or seconds since 1970. */
export function signatureTime(what: string): Field {
  return {
    parse: (input, wire) => wire.u32(parseSignatureTime(input.word(what))),
    format: (wire) => formatSignatureTime(wire.u32()),
  };
}

function parseSignatureTime(text: string): number {
  if (text.length !== 14) return parseNumber(text, 2 ** 32 - 1);
  const iso = TIME.exec(text) === null ? '' : text.replace(TIME, '$1-$2-$3T$4:$5:$6Z');
  const time = Date.parse(iso) / 1000;
  // Written out again because Date takes 30 February for the second of March.
  if (time < 2 ** 32 && formatSignatureTime(time) === text) return time;
  throw new TextProblem(
    `${quote(text)} is not a time of a signature`,
    'Write YYYYMMDDHHmmSS in UTC, from 19700101000000 to 21060207062815 (RFC 4034 §3.2)',
  );
}

function formatSignatureTime(time: number): string {
  if (!(time >= 0)) return '';
  return new Date(time * 1000).toISOString().replace(/[-T:]|\.\d+Z/g, '');
}
