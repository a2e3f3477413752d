import assert from 'node:assert/strict';
import { test } from 'node:test';
import { simEntity } from './model.ts';
import { PLANTED } from './planted.ts';
import type { Planted } from './planted.ts';
import { play, shrink, simulate } from './simulate.ts';
import type { Step } from './steps.ts';

/** Every planted bug but the rare ones is found within so many seeds. */
const SEEDS = 3000;
/** Needs a crash between two writes to disk that come right after each other: played below by itself. */
const RARE: readonly Planted[] = ['early-vector'];

function firstFailure(planted: Planted): number | undefined {
  for (let seed = 1; seed <= SEEDS; seed++) {
    if (simulate(seed, planted) !== undefined) return seed;
  }
  return undefined;
}

for (const planted of Object.keys(PLANTED) as Planted[]) {
  if (RARE.includes(planted)) continue;
  test(`found: ${PLANTED[planted]}`, (context) => {
    const seed = firstFailure(planted);
    assert.notEqual(seed, undefined);
    context.diagnostic(`seed ${seed}`);
  });
}

test('a failure is shrunk to a few steps that still fail', () => {
  const failure = simulate(firstFailure('ignore-tombstone')!, 'ignore-tombstone')!;
  const small = shrink(failure);
  assert.ok(small.scenario.steps.length <= 20, `${small.scenario.steps.length} steps`);
  assert.notEqual(play(small.scenario), undefined);
});

/** A batch that is not on disk is shipped, answered, lost, and made again. */
function answeredBatchIsLost(): Step[] {
  const insert = (key: number): Step & { do: 'write' } => ({
    ...{ do: 'write', site: 5, durably: true },
    statements: [{ op: 'insert', entity: 0, key, to: 0, groups: 1, value: key }],
  });
  const apply = (site: number, origin: number): Step[] => [
    { do: 'pull', site, from: origin, origin, count: 9, again: 0 },
    { do: 'read', site, origin, count: 9 },
    { do: 'announce', site, origin },
    { do: 'commit', site, origin },
  ];
  const capture = (site: number): Step => ({ do: 'capture', site, count: 9, flush: true });
  return [
    ...[insert(1), capture(5), { do: 'store', site: 5 } as const],
    ...[insert(2), capture(5), ...apply(1, 5), { ...insert(3), site: 1 }, capture(1)],
    ...[...apply(5, 1), insert(4), capture(5), { do: 'confirm', site: 5 } as const],
    { do: 'crash', site: 5, what: 'machine' },
  ];
}

for (const planted of [undefined, 'early-vector'] as const) {
  const end = planted === undefined ? 'arrives everywhere' : `waits for ever with "${planted}"`;
  test(`a batch that was lost after it had been answered ${end}`, () => {
    const groups = [
      { name: 'g', stamp: '_crp_g', columns: ['a'], method: 'latest-timestamp' as const },
    ];
    const model = [simEntity(0, groups, new Set())];
    const setting = { sites: [5, 1, 2047], model, offsets: [0, 0, 0], planted };
    const message = play({ setting, steps: answeredBatchIsLost() });
    assert.match(message ?? 'arrived', planted === undefined ? /^arrived$/ : /has applied/);
  });
}
