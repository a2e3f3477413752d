import assert from 'node:assert/strict';
import { test } from 'node:test';
import { report, shrink, simulate } from './simulate.ts';
import { SEED } from '../support/seed.ts';

const SEEDS = 300;

test(`${SEEDS} drawn scenarios keep every promise (seed ${SEED})`, () => {
  for (let seed = SEED; seed < SEED + SEEDS; seed++) {
    const failure = simulate(seed);
    if (failure !== undefined) assert.fail(report(shrink(failure)));
  }
});

test('a seed is the same scenario with the same end each time', () => {
  const [one, other] = [simulate(SEED, 'silent-conflict'), simulate(SEED, 'silent-conflict')];
  assert.equal(one?.message, other?.message);
  assert.deepEqual(one?.scenario.steps, other?.scenario.steps);
});
