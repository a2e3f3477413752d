import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { POLICY, SITES, step, World } from '../../test/support/merge-world.ts';
import { merge } from './merge.ts';
import type { Change } from './types.ts';
import { SEED } from '../../test/support/seed.ts';

test(`sites that have the same changes have the same state (seed ${SEED})`, () => {
  const skews = fc.array(fc.integer({ min: -50, max: 50 }), { minLength: SITES, maxLength: SITES });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), skews, (steps, skew) => {
      const world = new World(skew);
      for (const [index, next] of steps.entries()) world.run(next, 1000 + index);
      world.deliverAll();
      for (const state of world.states) assert.deepEqual(state, world.states[0]);
    }),
    { seed: SEED, numRuns: 3000 },
  );
});

test(`a change that is applied twice changes nothing the second time, but additions (seed ${SEED})`, () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const world = new World([0, 0, 0]);
      for (const [index, next] of steps.entries()) world.run(next, 1000 + index);
      world.deliverAll();
      const additive = (change: Change): boolean =>
        change.before !== undefined && change.before.stamps[2] !== change.after?.stamps[2];
      for (const { change } of world.logs.flat()) {
        if (change.after !== undefined && additive(change)) continue;
        const again = merge(POLICY, world.states[0]!, change).state;
        assert.deepEqual(again, world.states[0]);
      }
    }),
    { seed: SEED, numRuns: 1000 },
  );
});
