import type { IntegerBase, Interval } from '../schema-types.ts';

const BITS: Readonly<Record<IntegerBase, readonly [signed: boolean, bits: bigint]>> = {
  int8: [true, 8n],
  int16: [true, 16n],
  int32: [true, 32n],
  int64: [true, 64n],
  uint8: [false, 8n],
  uint16: [false, 16n],
  uint32: [false, 32n],
  uint64: [false, 64n],
};

/** Least and greatest value of a built-in integer type (RFC 7950 §9.2). */
export function integerBounds(base: IntegerBase): Interval {
  const [signed, bits] = BITS[base];
  if (!signed) return { from: 0n, to: (1n << bits) - 1n };
  return { from: -(1n << (bits - 1n)), to: (1n << (bits - 1n)) - 1n };
}

export function isIntegerBase(name: string): name is IntegerBase {
  return Object.hasOwn(BITS, name);
}

/** Least and greatest decimal64, in units of 10^-fraction-digits (RFC 7950 §9.3.4). */
export const DECIMAL64_BOUNDS: Interval = { from: -(1n << 63n), to: (1n << 63n) - 1n };

/** What a length can be at all (RFC 7950 §9.4.4). */
export const LENGTH_BOUNDS: Interval = { from: 0n, to: (1n << 64n) - 1n };

/** A decimal64 in canonical form: at least one digit on either side of the point (RFC 7950 §9.3.2). */
export function formatDecimal(units: bigint, fractionDigits: number): string {
  const digits = (units < 0n ? -units : units).toString().padStart(fractionDigits + 1, '0');
  const split = digits.length - fractionDigits;
  const fraction = digits.slice(split).replace(/0+$/, '') || '0';
  return `${units < 0n ? '-' : ''}${digits.slice(0, split)}.${fraction}`;
}
