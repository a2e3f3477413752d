import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LoadGauge } from './load-gauge.ts';

/** Looks every 500 ms at a WAL that grows by so many bytes between two looks. */
function looks(gauge: LoadGauge, steps: readonly number[]): boolean[] {
  let position = 0n;
  return steps.map((step, index) => gauge.look((position += BigInt(step)), index * 500));
}

test('much WAL makes a server busy, and it stays busy until two seconds were quiet', () => {
  const steps = [0, 100_000, 600_000, 0, 0, 0, 0, 0, 0];
  assert.deepEqual(looks(new LoadGauge(false), steps), [
    ...[false, false, true],
    ...[true, true, true, true, false, false],
  ]);
});

test('a moderate rate neither begins nor ends it', () => {
  const steps = Array.from({ length: 8 }, () => 200_000);
  assert.ok(looks(new LoadGauge(false), steps).every((busy) => !busy));
  assert.ok(looks(new LoadGauge(true), steps).every((busy) => busy));
});

test('looks that follow one another too fast say what was known', () => {
  const gauge = new LoadGauge(false);
  gauge.look(0n, 0);
  assert.equal(gauge.look(10_000_000n, 100), false);
  assert.equal(gauge.look(10_000_000n, 400), true);
});
