import type { ColumnOrder } from '../model/groups/column-order.ts';
import { compareDecimals } from './decimal.ts';
import type { Value } from './types.ts';

/**
 * The better of two values in an order. Commutative, associative and idempotent, so that sites which have
 * the same values end with the same one; for serial numbers as long as the concurrent ones lie within half
 * the circle, which RFC 1982 (section 3.2) asks of whoever uses them.
 */
export function bestValue(order: ColumnOrder, one: Value, other: Value): Value {
  if (one === null || other === null) return one ?? other;
  // Equal values can have two texts, 1.0 and 1.00: then one of them is taken wherever they meet.
  const difference = compare(order, one, other) || (one < other ? -1 : 1);
  const least = order.kind !== 'serial' && order.least;
  return (least ? -difference : difference) >= 0 ? one : other;
}

function compare(order: ColumnOrder, one: string, other: string): number {
  switch (order.kind) {
    case 'number':
      return compareDecimals(one, other);
    case 'float':
      return floatOf(one) - floatOf(other) || 0;
    case 'serial':
      return compareSerials(BigInt(one), BigInt(other));
    case 'listed':
      return order.values.indexOf(one) - order.values.indexOf(other);
    case 'time':
      return compareTimes(one, other);
    default:
      // The order of UTF-8 is that of code points: COLLATE "C" in SQL.
      return Buffer.compare(Buffer.from(one), Buffer.from(other));
  }
}

/** NaN is the greatest in SQL; two infinities have no difference. */
function floatOf(text: string): number {
  const number = Number(text);
  if (Number.isNaN(number)) return Number.MAX_VALUE;
  return Math.max(-Number.MAX_VALUE, Math.min(number, Number.MAX_VALUE));
}

const CIRCLE = 2n ** 32n;
const HALF = 2n ** 31n;

/** RFC 1982, section 3.2. */
function compareSerials(one: bigint, other: bigint): number {
  const ahead = (((one - other) % CIRCLE) + CIRCLE) % CIRCLE;
  if (ahead === 0n) return 0;
  if (ahead === HALF) return one > other ? 1 : -1;
  return ahead < HALF ? 1 : -1;
}

/** Of ISO dates and timestamps as apply's sessions print them: DateStyle ISO, TimeZone UTC. */
function compareTimes(one: string, other: string): number {
  const [left, right] = [eraOf(one), eraOf(other)];
  if (left !== right || left === -2 || left === 2) return left - right;
  // Years have at least four digits, and more only where they need them.
  const years = one.indexOf('-') - other.indexOf('-');
  const [year, otherYear] = [one, other].map((text) => text.slice(0, text.indexOf('-')));
  if (left < 0 && year !== otherYear) return -(years || (year! < otherYear! ? -1 : 1));
  return years || (one < other ? -1 : one > other ? 1 : 0);
}

function eraOf(text: string): number {
  if (text === '-infinity') return -2;
  if (text === 'infinity') return 2;
  return text.endsWith(' BC') ? -1 : 1;
}
