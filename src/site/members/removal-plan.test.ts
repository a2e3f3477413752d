import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RemovalPlan } from './removal-plan.ts';
import { Stability } from './stability.ts';
import type { SiteView } from './stability.ts';

/** Two sites that have all of each other; with each greeting both have set a mark. */
function greeted(sequence: number): SiteView[] {
  const view = (number: number, other: number): SiteView => ({
    ...{ number, mark: { sequence, position: 10n }, applied: new Map([[other, 10n]]) },
  });
  return [view(1, 2), view(2, 1)];
}

/** A plan that knows of everything up to a stamp that it is stable. */
function planUpTo(stamp: bigint): RemovalPlan {
  const plan = new RemovalPlan();
  assert.equal(plan.isNews(stamp), true);
  plan.begin(stamp, greeted(0));
  assert.deepEqual([plan.waiting, plan.wanted, plan.stable], [true, stamp, 0n]);
  for (let call = 0; call < 2 * Stability.ROUNDS; call++) plan.advance(greeted(2 * call));
  assert.deepEqual([plan.waiting, plan.wanted, plan.stable], [false, 0n, stamp]);
  return plan;
}

test('rows that became over lately are looked at, with an overlap of a minute', () => {
  const plan = planUpTo(50n);
  assert.equal(plan.since(), undefined);
  plan.looked(100_000, true);
  assert.equal(plan.since(), 40_000);
  assert.equal(plan.isNews(51n), true);
  assert.equal(plan.isNews(0n), false);
  assert.equal(plan.since(), 40_000);
});

test('all rows are looked at when some are left, and when one is there that may go', () => {
  const plan = planUpTo(50n);
  plan.looked(100_000, false);
  assert.equal(plan.since(), undefined);
  plan.looked(100_000, true);
  assert.equal(plan.isNews(50n), false);
  assert.equal(plan.since(), undefined);
});

test('a run in which the group changes tells nothing, and the next one may begin', () => {
  const plan = planUpTo(50n);
  plan.begin(60n, greeted(20));
  plan.advance(greeted(20).slice(0, 1));
  assert.deepEqual([plan.waiting, plan.stable], [false, 50n]);
});
