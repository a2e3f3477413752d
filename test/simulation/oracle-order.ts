import type { GroupPolicy, Value } from '../../src/merge/types.ts';
import { latestTime } from './times.ts';
import { STATES } from './values.ts';

/** The best of several values of a monotonic group's column, found without the code that is judged. */
export function bestOfAll(group: GroupPolicy, place: number, values: readonly Value[]): Value {
  const kind = group.orders![group.columns.indexOf(place)]!.kind;
  const present = values.filter((value) => value !== null);
  if (present.length === 0) return null;
  if (group.method === 'priority-group') {
    return STATES[Math.max(...present.map((value) => STATES.indexOf(value)))]!;
  }
  if (kind === 'time') return latestTime(present);
  if (kind === 'text') return present.toSorted().at(-1)!;
  const numbers = present.map(BigInt);
  if (group.method === 'serial-maximum') return String(highestSerial(numbers));
  const sorted = numbers.toSorted((one, other) => Number(one - other));
  return String(group.method === 'minimum' ? sorted[0] : sorted.at(-1));
}

/** The one from which all others are less than half the circle behind. */
function highestSerial(numbers: readonly bigint[]): bigint {
  const behind = (one: bigint, other: bigint): bigint => (one - other + 2n ** 32n) % 2n ** 32n;
  return numbers.find((one) => numbers.every((other) => behind(one, other) < 2n ** 31n))!;
}
