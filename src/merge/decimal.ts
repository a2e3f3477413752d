import { assert } from '../base/assert.ts';
import type { Value } from './types.ts';

const NUMBER = /^(-?)(\d+)(?:\.(\d+))?$/;

interface Decimal {
  units: bigint;
  scale: number;
}

/**
 * `current + (to − from)` on PostgreSQL's text form of integers and numerics, exactly (no floating
 * point). NULL counts as 0 in the arithmetic, and so does NaN, which a row can have from before its table was replicated and
 * nobody can write (src/sql/ddl/row-change.ts). A change to NULL leaves the current value.
 */
export function addDifference(current: Value, change: { from: Value; to: Value }): Value {
  if (change.to === null) return current;
  const parts = [current, change.to, change.from].map((value) =>
    parse(value === null || value === 'NaN' ? '0' : value),
  );
  const scale = Math.max(...parts.map((part) => part.scale));
  const [base, to, from] = parts.map((part) => part.units * 10n ** BigInt(scale - part.scale));
  return print({ units: base! + to! - from!, scale });
}

/**
 * The mean of two numbers in PostgreSQL's text form, rounded to `scale` digits after the point as numeric
 * is, half away from zero; without `scale` exactly. Undefined where one is no number: NULL, NaN, infinity.
 */
export function meanOf(one: Value, other: Value, scale: number | undefined): Value | undefined {
  if (one === null || other === null || !NUMBER.test(one) || !NUMBER.test(other)) return undefined;
  const parts = [one, other].map(parse);
  const common = Math.max(...parts.map((part) => part.scale));
  const [left, right] = parts.map((part) => part.units * 10n ** BigInt(common - part.scale));
  // Half of a sum has one digit more.
  const exact = { units: (left! + right!) * 5n, scale: common + 1 };
  if (scale !== undefined) return print(rounded(exact, scale));
  return exact.units % 10n === 0n
    ? print({ units: exact.units / 10n, scale: common })
    : print(exact);
}

function rounded({ units, scale }: Decimal, to: number): Decimal {
  if (scale <= to) return { units: units * 10n ** BigInt(to - scale), scale: to };
  const step = 10n ** BigInt(scale - to);
  const half = units < 0n ? -step / 2n : step / 2n;
  return { units: (units + half) / step, scale: to };
}

/** Negative, zero or positive as the first number is less, equal or greater. NaN is above all (as in SQL). */
export function compareDecimals(one: string, other: string): number {
  const [left, right] = [one, other].map(special);
  if (left !== 0 || right !== 0) return left! - right!;
  const parts = [one, other].map(parse);
  const scale = Math.max(...parts.map((part) => part.scale));
  const [a, b] = parts.map((part) => part.units * 10n ** BigInt(scale - part.scale));
  return a! < b! ? -1 : a! > b! ? 1 : 0;
}

/** The places of what is no number (PostgreSQL manual, 8.1.2). */
function special(text: string): number {
  return { '-Infinity': -1, Infinity: 1, NaN: 2 }[text] ?? 0;
}

function parse(text: string): Decimal {
  const match = NUMBER.exec(text);
  assert(match !== null, () => `"${text}" is not a number`);
  const fraction = match[3] ?? '';
  const units = BigInt(`${match[2]}${fraction}`);
  return { units: match[1] === '-' ? -units : units, scale: fraction.length };
}

function print(value: Decimal): string {
  const digits = (value.units < 0n ? -value.units : value.units)
    .toString()
    .padStart(value.scale + 1, '0');
  const sign = value.units < 0n ? '-' : '';
  if (value.scale === 0) return sign + digits;
  const split = digits.length - value.scale;
  return `${sign}${digits.slice(0, split)}.${digits.slice(split)}`;
}
