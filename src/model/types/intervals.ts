/** Ranges and lengths as SQL conditions. */
import type { Interval } from '../../yang/schema-types.ts';

/** A length without upper bound ends here, at the greatest value of its type (RFC 7950 §9.4.4). */
const NO_UPPER = 2n ** 64n - 1n;

/** `x BETWEEN 1 AND 5 OR x = 9`. */
export function rangeCondition(
  expression: string,
  intervals: readonly Interval[],
  print: (value: bigint) => string = String,
): string {
  return either(
    intervals.map(({ from, to }) =>
      from === to
        ? `${expression} = ${print(from)}`
        : `${expression} BETWEEN ${print(from)} AND ${print(to)}`,
    ),
  );
}

/** The same for a length, which is never negative; undefined when it may be any. */
export function lengthCondition(
  expression: string,
  intervals: readonly Interval[],
): string | undefined {
  if (intervals.some(({ from, to }) => from === 0n && to >= NO_UPPER)) return undefined;
  return either(
    intervals.map((interval) => {
      if (interval.to >= NO_UPPER) return `${expression} >= ${interval.from}`;
      if (interval.from === 0n) return `${expression} <= ${interval.to}`;
      return rangeCondition(expression, [interval]);
    }),
  );
}

function either(conditions: string[]): string {
  return conditions.length === 1 ? conditions[0]! : `(${conditions.join(' OR ')})`;
}

/** A number of units of 10^-digits: 1234 with two digits is 12.34. */
export function decimalText(units: bigint, digits: number): string {
  const sign = units < 0n ? '-' : '';
  const text = (units < 0n ? -units : units).toString().padStart(digits + 1, '0');
  return `${sign}${text.slice(0, -digits)}.${text.slice(-digits)}`;
}
