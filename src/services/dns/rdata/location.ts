import { TextProblem, quote } from '../problem.ts';
import type { TokenReader } from '../token-reader.ts';
import type { Field } from './field.ts';

/*
 * LOC (RFC 1876): `d [m [s[.sss]]] N|S d [m [s[.sss]]] E|W altitude[m] [size[m] [horizontal[m] [vertical[m]]]]`.
 * Coordinates are thousandths of a second of arc around 2^31, the altitude centimetres above 100 km below
 * the reference, sizes one decimal digit and a power of ten in centimetres.
 */

const ORIGIN = 2 ** 31;
const ALTITUDE_BASE = 10_000_000;

/** Defaults in centimetres (RFC 1876 §3): a house, 10 km, 10 m. */
const DEFAULT_SIZES = [100, 1_000_000, 1_000];

export const location: Field = {
  parse(input, wire) {
    const latitude = parseCoordinate(input, { degrees: 90, positive: 'N', negative: 'S' });
    const longitude = parseCoordinate(input, { degrees: 180, positive: 'E', negative: 'W' });
    const altitude = parseMetres(input.word('an altitude'), { low: -1e7, high: 4_284_967_295 });
    wire.u8(0);
    for (const size of DEFAULT_SIZES) wire.u8(encodeSize(parseSize(input, size)));
    wire.u32(latitude);
    wire.u32(longitude);
    wire.u32(altitude + ALTITUDE_BASE);
  },
  format(wire) {
    if (wire.u8() !== 0) {
      throw new TextProblem('the location has an unknown version', 'Version 0 is the only one');
    }
    const sizes = [decodeSize(wire.u8()), decodeSize(wire.u8()), decodeSize(wire.u8())];
    const latitude = formatCoordinate(wire.u32(), { degrees: 90, positive: 'N', negative: 'S' });
    const longitude = formatCoordinate(wire.u32(), { degrees: 180, positive: 'E', negative: 'W' });
    const altitude = wire.u32() - ALTITUDE_BASE;
    return [latitude, longitude, metres(altitude, 2), ...sizes.map((s) => metres(s, 0))].join(' ');
  },
};

interface Axis {
  degrees: number;
  positive: string;
  negative: string;
}

function parseCoordinate(input: TokenReader, axis: Axis): number {
  const what = `a coordinate that ends in ${axis.positive} or ${axis.negative}`;
  const parts: string[] = [];
  for (;;) {
    const text = input.word(what);
    const hemisphere = text.toUpperCase();
    if (hemisphere === axis.positive || hemisphere === axis.negative) {
      const arc = arcOf(parts, axis, what);
      return hemisphere === axis.positive ? ORIGIN + arc : ORIGIN - arc;
    }
    if (parts.length === 3) throw badCoordinate(text, what);
    parts.push(text);
  }
}

/** Thousandths of a second of arc. */
function arcOf(parts: string[], axis: Axis, what: string): number {
  const [degrees, minutes = '0', seconds = '0'] = parts;
  const shape = /^\d{1,3} \d{1,2} \d{1,2}(\.\d{1,3})?$/;
  const text = `${degrees} ${minutes} ${seconds}`;
  if (!shape.test(text) || Number(minutes) > 59 || Number(seconds) >= 60) {
    throw badCoordinate(parts.join(' '), what);
  }
  const whole = Number(degrees) * 3_600_000 + Number(minutes) * 60_000;
  const arc = whole + Math.round(Number(seconds) * 1000);
  if (arc > axis.degrees * 3_600_000) throw badCoordinate(parts.join(' '), what);
  return arc;
}

function badCoordinate(text: string, what: string): TextProblem {
  return new TextProblem(
    `${quote(text)} is not part of ${what}`,
    'Write degrees, minutes and seconds: 52 22 23.000 N 4 53 32.000 E (RFC 1876 §3)',
  );
}

function formatCoordinate(value: number, axis: Axis): string {
  const arc = Math.abs(value - ORIGIN);
  if (arc > axis.degrees * 3_600_000) {
    throw new TextProblem('a coordinate is beyond the end of its axis', 'See RFC 1876 §2');
  }
  const seconds = ((arc % 60_000) / 1000).toFixed(3);
  const hemisphere = value < ORIGIN ? axis.negative : axis.positive;
  return `${Math.floor(arc / 3_600_000)} ${Math.floor(arc / 60_000) % 60} ${seconds} ${hemisphere}`;
}

/** Centimetres of `-2.00m`. */
function parseMetres(text: string, range: { low: number; high: number }): number {
  const value = /^-?\d{1,8}(\.\d{1,2})?m?$/i.test(text) ? Math.round(parseFloat(text) * 100) : NaN;
  if (value >= range.low && value <= range.high) return value;
  throw new TextProblem(
    `${quote(text)} is not a length of ${range.low / 100} to ${range.high / 100} metres`,
    'Write metres with at most two decimals and an optional m: 10m, -2.50m',
  );
}

function metres(centimetres: number, decimals: 0 | 2): string {
  const whole = centimetres % 100 === 0 && decimals === 0;
  return `${(centimetres / 100).toFixed(whole ? 0 : 2)}m`;
}

function parseSize(input: TokenReader, otherwise: number): number {
  if (input.peek() === undefined) return otherwise;
  return parseMetres(input.word('a size'), { low: 0, high: 9e9 });
}

/** First digit and power of ten; further digits are lost, as in the code of RFC 1876 appendix A. */
function encodeSize(centimetres: number): number {
  const exponent = centimetres < 10 ? 0 : Math.floor(Math.log10(centimetres));
  return (Math.floor(centimetres / 10 ** exponent) << 4) | exponent;
}

function decodeSize(octet: number): number {
  const digit = octet >> 4;
  const exponent = octet & 15;
  if (digit <= 9 && exponent <= 9 && (digit > 0 || exponent === 0)) return digit * 10 ** exponent;
  throw new TextProblem('a size of the location is broken', 'See RFC 1876 §2');
}
