import assert from 'node:assert/strict';
import { test } from 'node:test';
import { freeNumber } from './numbers.ts';

test('a site gets the number after all that were given, one between them at the end, or an error', () => {
  const all = Array.from({ length: 2047 }, (_, n) => n + 1);
  assert.equal(freeNumber([]), 1);
  assert.equal(freeNumber([1, 5]), 6);
  assert.equal(freeNumber([1, 2, 2047]), 3);
  assert.throws(() => freeNumber(all), { code: 'MEMBER_NUMBER' });
});
