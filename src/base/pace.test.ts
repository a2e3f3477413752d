import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Pace } from './pace.ts';

test('rare work never waits, fast work is spaced out, and quiet time is credit again', (context) => {
  let now = 0;
  context.mock.method(performance, 'now', () => now);
  const pace = new Pace(10);
  const waits: number[] = [];
  for (let run = 0; run < 12; run++) waits.push(pace.next());
  assert.deepEqual(waits.slice(0, 10), Array(10).fill(0));
  assert.deepEqual(waits.slice(10), [10, 20]);
  now = 1000;
  assert.equal(pace.next(), 0);
});
