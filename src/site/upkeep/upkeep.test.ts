import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Upkeep } from './upkeep.ts';

test('what fails for some time is a problem, since when it did; what was done, or is not tried any more, is none', () => {
  const upkeep = new Upkeep();
  const told = (now: number): string[] =>
    upkeep.problems(now).map(({ at, message }) => `${Date.parse(at)} ${message}`);
  upkeep.failed('a', new Error('no'), 0);
  assert.deepEqual(told(2_000), []);
  upkeep.failed('a', new Error('still no'), 12_000);
  assert.deepEqual(told(13_000), ['0 a: still no']);
  assert.deepEqual(told(80_000), []);
  upkeep.failed('a', new Error('again'), 80_000);
  assert.deepEqual(told(81_000), []);
  upkeep.failed('a', new Error('again'), 100_000);
  assert.deepEqual(told(101_000), ['80000 a: again']);
  upkeep.done('a');
  assert.deepEqual(told(102_000), []);
});
