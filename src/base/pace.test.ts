import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Pace } from './pace.ts';

test('work never waits while there is time to spare, and is spaced out while there is not', (context) => {
  let now = 1000;
  let busy = false;
  context.mock.method(performance, 'now', () => now);
  const pace = new Pace(10, () => busy);
  assert.deepEqual([pace.next(1), pace.next(1), pace.next(1)], [0, 0, 0]);
  busy = true;
  assert.deepEqual([pace.next(1), pace.next(1)], [10, 20]);
  now = 1100;
  assert.equal(pace.next(1), 0);
  now = 1104;
  assert.equal(pace.next(1), 6);
  busy = false;
  assert.equal(pace.next(1), 0);
});

test('after work with all that there was there is rest only while busy', () => {
  let busy = false;
  const pace = new Pace(10, () => busy);
  assert.equal(pace.rest(1), 0);
  busy = true;
  assert.deepEqual([pace.rest(1), pace.rest(1)], [10, 10]);
});

test('a high rate of items counts as busy although the process has time to spare', (context) => {
  let now = 1000;
  context.mock.method(performance, 'now', () => now);
  context.mock.method(performance, 'eventLoopUtilization', () => ({ utilization: 0 }));
  const pace = new Pace(20);
  // One item in 10 ms: 100 a second.
  for (let run = 0; run < 20; run++, now += 10) assert.equal(pace.next(1), 0);
  // Ten items in 10 ms: noticed within 50 ms.
  for (let run = 0; run < 5; run++, now += 10) pace.next(10);
  assert.ok(pace.next(10) > 0);
  // Quiet again, for longer than it is measured over.
  now += 100;
  assert.equal(pace.next(1), 0);
  now += 1;
  assert.equal(pace.next(1), 0);
});
