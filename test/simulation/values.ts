import { addDifference } from '../../src/merge/decimal.ts';
import type { ColumnOrder } from '../../src/model/groups/column-order.ts';
import type { FunctionCall, GroupPolicy, Value } from '../../src/merge/types.ts';

/** States of `priority-group`, from the lowest to the highest. */
export const STATES = ['offered', 'active', 'frozen', 'stopped'];

/** The function of `sql-function`: its result depends on the order, and it cannot always decide. */
export function simFunction({ base, current, incoming }: FunctionCall): Value {
  if (incoming === null || incoming.endsWith('3')) return null;
  return String(Number(`${base}${current}${incoming}`.replaceAll(/[^0-9]/g, '').slice(-7)));
}

/** True if the group's values are numbers, which its methods calculate with. */
export function isNumeric(group: GroupPolicy): boolean {
  const numbers = ['average', 'additive', 'maximum'];
  return group.methods?.some(({ method }) => numbers.includes(method)) === true;
}

/** Of an ordered group a write may be anything. */
function anyValue(group: GroupPolicy, number: number): Value {
  if (!isNumeric(group)) return someText(number);
  return number % 13 === 0 ? null : String((number % 41) - 20);
}

const CIRCLE = 2n ** 32n;

/** What a service writes into a column of a new row. */
export function firstValue(group: GroupPolicy, place: number, number: number): Value {
  const order = orderAt(group, place);
  if (group.method === 'ordered') return anyValue(group, number);
  if (group.method === 'additive') return String(number % 9);
  if (order === undefined) return someText(number);
  if (number % 13 === 0) return null;
  if (order.kind === 'serial') return String((CIRCLE - 10n + BigInt(number % 20)) % CIRCLE);
  if (order.kind === 'listed') return STATES[number % 2]!;
  return order.kind === 'text' ? `t${number % 5}` : String((number % 11) - 5);
}

/** What a service writes over a value: of a monotonic group nothing that is below it. */
export function nextValue(
  group: GroupPolicy,
  place: number,
  write: { current: Value; number: number },
): Value {
  const { current, number } = write;
  if (group.method === 'ordered') return anyValue(group, number);
  if (group.method === 'additive') {
    return addDifference(current, { from: '0', to: String((number % 9) - 4) });
  }
  const order = orderAt(group, place);
  if (order === undefined) return someText(number);
  return current === null ? firstValue(group, place, number) : above(order, current, number);
}

function orderAt(group: GroupPolicy, place: number): ColumnOrder | undefined {
  return group.orders?.[group.columns.indexOf(place)];
}

/** A value that is better than the current one, or sometimes the same. */
function above(order: ColumnOrder, current: string, number: number): string {
  const step = number % 5;
  switch (order.kind) {
    case 'serial':
      return String((BigInt(current) + BigInt(serialStep(number))) % CIRCLE);
    case 'listed':
      return STATES[Math.min(STATES.indexOf(current) + (number % 3), STATES.length - 1)]!;
    case 'text':
      return `t${step}` > current ? `t${step}` : `${current}${'xyz'.slice(0, number % 3)}`;
    default:
      return String(BigInt(current) + BigInt(order.least ? -step : step));
  }
}

/** Drawn steps are small, so that concurrent ones stay within half the circle; others are as given. */
function serialStep(number: number): number {
  return number < 1_000_000 ? (number % 7) * 1_000_000 : number;
}

/** Mostly unique; sometimes one of a few, so that sites write the same; sometimes NULL. */
function someText(number: number): Value {
  if (number % 17 === 0) return null;
  return number % 3 === 0 ? `v${number % 4}` : `u${number}`;
}
