import { addDifference } from '../../src/merge/decimal.ts';
import type { GroupPolicy, Value } from '../../src/merge/types.ts';

/** What a service writes into a column of a new row. */
export function firstValue(group: GroupPolicy, number: number): Value {
  if (group.method === 'additive') return String(number % 9);
  return someText(number);
}

/** What a service writes over a value. */
export function nextValue(group: GroupPolicy, current: Value, number: number): Value {
  if (group.method === 'additive') {
    return addDifference(current, { from: '0', to: String((number % 9) - 4) });
  }
  return someText(number);
}

/** Mostly unique; sometimes one of a few, so that sites write the same; sometimes NULL. */
function someText(number: number): Value {
  if (number % 17 === 0) return null;
  return number % 3 === 0 ? `v${number % 4}` : `u${number}`;
}
