import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Pace } from './pace.ts';

test('work never waits while there is time to spare, and is spaced out while there is not', (context) => {
  let now = 1000;
  let busy = false;
  context.mock.method(performance, 'now', () => now);
  const pace = new Pace(10, () => busy);
  assert.deepEqual([pace.next(), pace.next(), pace.next()], [0, 0, 0]);
  busy = true;
  assert.deepEqual([pace.next(), pace.next()], [10, 20]);
  now = 1100;
  assert.equal(pace.next(), 0);
  now = 1104;
  assert.equal(pace.next(), 6);
  busy = false;
  assert.equal(pace.next(), 0);
});
