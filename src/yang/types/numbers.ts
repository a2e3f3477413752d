import { parseNumber } from '../grammar/intervals.ts';
import type { Decimal64Type, IntegerType, Interval, Restriction } from '../schema-types.ts';
import { DECIMAL64_BOUNDS, formatDecimal, integerBounds } from './bounds.ts';
import type { Names, ReadValue } from './value.ts';
import { accepted, refused } from './value.ts';

const DECIMAL = /^[+-]?\d+$/;
const HEXADECIMAL = /^([+-]?)0[xX]([0-9A-Fa-f]+)$/;
const OCTAL = /^([+-]?)0([0-7]+)$/;

/** An integer (RFC 7950 §9.2.1). Hexadecimal and octal numbers are for defaults in modules only. */
export function readInteger(type: IntegerType, text: string, names: Names): ReadValue {
  const value = parseInteger(text.trim(), names.schemaText);
  if (value === undefined) return refused(`is not an integer (${type.base})`);
  const problem = outside(value, {
    restriction: type.range,
    bounds: integerBounds(type.base),
    scale: 0,
  });
  return problem ?? accepted(type, value.toString());
}

function parseInteger(text: string, schemaText: boolean): bigint | undefined {
  const other = schemaText ? (HEXADECIMAL.exec(text) ?? OCTAL.exec(text)) : null;
  if (other !== null) {
    const magnitude = BigInt(`${HEXADECIMAL.test(text) ? '0x' : '0o'}${other[2]}`);
    return other[1] === '-' ? -magnitude : magnitude;
  }
  return DECIMAL.test(text) ? BigInt(text.replace('+', '')) : undefined;
}

/** A decimal64 (RFC 7950 §9.3.1). */
export function readDecimal(type: Decimal64Type, text: string): ReadValue {
  const number = parseNumber(text.trim());
  const digits = type.fractionDigits;
  if (number === undefined) return refused('is not a decimal number');
  let { units, scale } = number;
  while (scale > digits && units % 10n === 0n) {
    units /= 10n;
    scale -= 1;
  }
  if (scale > digits) return refused(`has more than ${digits} digits behind the point`);
  units *= 10n ** BigInt(digits - scale);
  const problem = outside(units, {
    restriction: type.range,
    bounds: DECIMAL64_BOUNDS,
    scale: digits,
  });
  return problem ?? accepted(type, formatDecimal(units, digits));
}

/** The refusal of a number that is out of its type's range; undefined when it is in it. */
export function outside(
  value: bigint,
  limits: { restriction: Restriction | undefined; bounds: Interval; scale: number; what?: string },
): ReadValue | undefined {
  const { restriction, bounds, scale, what = '' } = limits;
  const intervals = restriction?.intervals ?? [bounds];
  if (intervals.some(({ from, to }) => from <= value && value <= to)) return undefined;
  const show = (bound: bigint): string =>
    scale === 0 ? bound.toString() : formatDecimal(bound, scale);
  const shown = intervals.map(({ from, to }) =>
    from === to ? show(from) : `${show(from)}..${show(to)}`,
  );
  return refused(`${what === '' ? 'is' : `${what}, which is`} not within ${shown.join(' | ')}`, {
    errorMessage: restriction?.errorMessage,
    errorAppTag: restriction?.errorAppTag,
  });
}
