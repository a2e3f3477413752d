import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addDifference } from './decimal.ts';

const TABLE: [string | null, string | null, string | null, string | null][] = [
  // current, from, to, result
  ['5', '1', '4', '8'],
  ['5', '4', '1', '2'],
  ['0', '1', '0', '-1'],
  ['0.1', '0.1', '0.3', '0.3'],
  ['9223372036854775806', '0', '1', '9223372036854775807'],
  ['-0.05', '0', '0.10', '0.05'],
  [null, null, '3', '3'],
  ['5', '3', null, '5'],
  ['1.00', '1', '2', '2.00'],
  ['NaN', 'NaN', '2.50', '2.50'],
  ['3.00', 'NaN', '2.50', '5.50'],
];

test('differences are added exactly', () => {
  for (const [current, from, to, result] of TABLE) {
    assert.equal(addDifference(current, { from, to }), result);
  }
});
