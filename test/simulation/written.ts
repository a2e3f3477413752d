import { assert } from '../../src/base/assert.ts';
import { bestValue } from '../../src/merge/order.ts';
import type { GroupPolicy, MergePolicy, RowVersion, Value } from '../../src/merge/types.ts';
import { arrayOf, firstSet, nextSet, writeSet } from './sets.ts';
import type { ServiceContext } from './statement.ts';
import { drawnTime, laterTime } from './times.ts';
import { firstValue, nextValue } from './values.ts';

/*
 * What a service's statements write into the columns of a row.
 */

/** The values of a new row. */
export function insertedValues(
  policy: MergePolicy,
  number: number,
  { clock }: ServiceContext,
): Value[] {
  const values: Value[] = [];
  for (const group of policy.groups) {
    if (group.set !== undefined) {
      const [array, tags] = group.columns;
      values[array!] = arrayOf(group, firstSet(group, number));
      values[tags!] = null;
      continue;
    }
    for (const place of group.columns) {
      const isTime = place === policy.expires?.value;
      values[place] = isTime ? drawnTime(clock, number) : firstValue(group, place, number + place);
    }
  }
  return values;
}

/** What the service writes over a value; the trigger refuses what is below the old value in the column's order. */
export function updatedValue(
  policy: MergePolicy,
  write: { group: GroupPolicy; place: number; current: Value; number: number },
  context: ServiceContext,
): Value {
  const { group, place, current, number } = write;
  const isTime = place === policy.expires?.value;
  const order = group.orders?.[group.columns.indexOf(place)];
  if (isTime && (order === undefined || context.planted === 'may-fall')) {
    return drawnTime(context.clock, number);
  }
  if (context.planted === 'may-fall') return firstValue(group, place, number + place);
  const next = isTime
    ? laterTime(current, context.clock, number)
    : nextValue(group, place, { current, number: number + place });
  const refused = order !== undefined && bestValue(order, current, next) !== next;
  assert(!refused, () => `the trigger refuses ${current} → ${next} of ${group.method}`);
  return next;
}

/** Writes a set into the row after; one that adds and removes nothing changes nothing. */
export function updateSet(
  write: {
    group: GroupPolicy;
    index: number;
    before: RowVersion;
    after: RowVersion;
    number: number;
    stamp: bigint;
  },
  { stable, planted }: ServiceContext,
): void {
  const { group, index, before, after, number, stamp } = write;
  const [array, tags] = group.columns;
  const elements = nextSet(group, before, number);
  if (arrayOf(group, elements) === before.values[array!]) return;
  const written = writeSet({ group, before, elements, stamp, stable, planted });
  after.values[array!] = written.array;
  after.values[tags!] = written.tags;
  after.stamps[index] = stamp;
}
