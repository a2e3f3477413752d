import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { ColumnOrder } from '../model/groups/column-order.ts';
import { bestValue } from './order.ts';
import type { Value } from './types.ts';
import { SEED } from '../../test/support/seed.ts';

const up = (kind: 'number' | 'float' | 'text' | 'boolean' | 'time'): ColumnOrder => ({
  ...{ kind, least: false },
});

const TABLE: [ColumnOrder, better: string, worse: string | null][] = [
  [up('number'), '10', '9'],
  [up('number'), '-0.5', '-0.50001'],
  [up('number'), 'NaN', 'Infinity'],
  [up('number'), '0', null],
  [{ kind: 'number', least: true }, '-3', '2'],
  [{ kind: 'number', least: true }, '7', null],
  [up('float'), '1e+20', '2'],
  [up('float'), 'NaN', 'Infinity'],
  [up('text'), 'b', 'a'],
  [up('text'), 'a', 'Z'],
  [up('text'), '😀', '\uffee'],
  [up('boolean'), 'true', 'false'],
  [up('time'), '2026-01-01 00:00:00.5+00', '2026-01-01 00:00:00+00'],
  [up('time'), '10000-01-01', '9999-12-31'],
  [up('time'), 'infinity', '2026-01-01'],
  [up('time'), '2026-01-01', '2026-01-01 BC'],
  [up('time'), '0100-01-01 BC', '0200-01-01 BC'],
  [up('time'), '0100-02-01 BC', '0100-01-01 BC'],
  [{ kind: 'serial' }, '1', '4294967295'],
  [{ kind: 'serial' }, '2147483648', '1'],
  [{ kind: 'serial' }, '2147483648', '0'],
  [{ kind: 'listed', values: ['low', 'high'], least: false }, 'high', 'low'],
];

test('the better value is found from both sides', () => {
  for (const [order, better, worse] of TABLE) {
    assert.equal(bestValue(order, better, worse), better, `${order.kind} ${better} ${worse}`);
    assert.equal(bestValue(order, worse, better), better, `${order.kind} ${worse} ${better}`);
  }
});

test(`the best of values does not depend on the order in which they are met (seed ${SEED})`, () => {
  const orders: [ColumnOrder, fc.Arbitrary<string>][] = [
    [up('number'), fc.constantFrom('1', '1.0', '1.00', '-2', '10', '9.5')],
    [up('float'), fc.constantFrom('1e+20', 'NaN', '-0', '0', 'Infinity', '-Infinity')],
    [up('text'), fc.string({ maxLength: 3 })],
    // Within half the circle.
    [
      { kind: 'serial' },
      fc.integer({ min: -1e9, max: 1e9 }).map((n) => String((n + 2 ** 32) % 2 ** 32)),
    ],
  ];
  for (const [order, value] of orders) {
    const best = (values: readonly Value[]): Value =>
      values.reduce((one, other) => bestValue(order, one, other));
    fc.assert(
      fc.property(fc.array(fc.option(value), { minLength: 1, maxLength: 6 }), (values) => {
        assert.equal(best(values.toReversed()), best(values));
        assert.equal(best([...values, ...values]), best(values));
      }),
      { seed: SEED },
    );
  }
});
