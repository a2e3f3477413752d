import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Stability } from './stability.ts';
import type { SiteView } from './stability.ts';

/** Two sites: sequence and position of each one's mark, and what the other has applied of it. */
function views(one: [number, bigint, bigint], two: [number, bigint, bigint]): SiteView[] {
  const site = (number: number, own: typeof one, other: typeof one): SiteView => ({
    number,
    mark: { sequence: own[0], position: own[1] },
    applied: new Map([[3 - number, other[2]]]),
  });
  return [site(1, one, two), site(2, two, one)];
}

test('stable only after three times marks set later and applied everywhere', () => {
  const run = new Stability(views([0, 0n, 0n], [0, 0n, 0n]));
  const steps: [[number, bigint, bigint], [number, bigint, bigint], string][] = [
    [[5, 10n, 10n], [7, 20n, 20n], 'waiting'],
    // A mark that was under way when we asked does not count.
    [[6, 11n, 11n], [8, 21n, 21n], 'waiting'],
    [[7, 12n, 11n], [9, 22n, 22n], 'waiting'],
    // The other site has not applied 12 yet; then it has, and the first time is done.
    [[8, 13n, 12n], [9, 22n, 22n], 'waiting'],
    [[8, 13n, 13n], [9, 22n, 22n], 'waiting'],
    [[10, 13n, 13n], [11, 22n, 22n], 'waiting'],
    [[10, 13n, 13n], [11, 22n, 22n], 'waiting'],
    [[12, 13n, 13n], [13, 22n, 22n], 'stable'],
  ];
  for (const [one, two, expected] of steps) assert.equal(run.advance(views(one, two)), expected);
});

test('an agent that was started again is asked again', () => {
  const run = new Stability(views([0, 0n, 0n], [0, 0n, 0n]));
  run.advance(views([5, 1n, 1n], [5, 1n, 1n]));
  assert.equal(run.advance(views([7, 1n, 1n], [0, 1n, 1n])), 'waiting');
  assert.equal(run.advance(views([7, 1n, 1n], [2, 1n, 1n])), 'waiting');
  assert.equal(run.advance(views([9, 1n, 1n], [4, 1n, 1n])), 'waiting');
});

test('a group that changed begins anew', () => {
  const run = new Stability(views([0, 0n, 0n], [0, 0n, 0n]));
  const [one] = views([1, 0n, 0n], [1, 0n, 0n]);
  assert.equal(run.advance([one!]), 'lost');
});

test('a site alone is stable as soon as its own marks are set', () => {
  const alone = (sequence: number): SiteView[] => [
    { number: 1, mark: { sequence, position: 1n }, applied: new Map() },
  ];
  const run = new Stability(alone(0));
  const states = [1, 3, 3, 5, 5, 7].map((sequence) => run.advance(alone(sequence)));
  assert.deepEqual(states.slice(-2), ['waiting', 'stable']);
});
