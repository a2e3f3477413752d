import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Method } from '../../src/model/ir/ir-resolution.ts';
import { simEntity } from './model.ts';
import { PLANTED } from './planted.ts';
import type { Planted } from './planted.ts';
import { play, shrink, simulate } from './simulate.ts';
import type { Step } from './steps.ts';
import { apply, capture, exchange, playByHand, write } from './by-hand.ts';
import { ROOT } from '../support/root.ts';

/** Every planted bug but the rare ones is found within so many seeds. */
const SEEDS = 3000;
/** The seed that finds it, as the table of planted bugs says it. */
const DOCUMENTED = new Map(
  [
    ...readFileSync(join(ROOT, 'docs/convergence.md'), 'utf8').matchAll(
      /^\| `([\w-]+)` \| .* \| (\d+) \|$/gm,
    ),
  ].map(([, name, seed]) => [name, Number(seed)]),
);
/** These need several rare things at once: each is played by itself, below or in a test of its own. */
const RARE: readonly Planted[] = [
  ...(['early-vector', 'equal-stamp-overwrites', 'forget-removals'] as const),
  ...(['serial-without-base', 'no-last-image', 'leave-unstored'] as const),
  ...(['stable-without-joining', 'stable-without-departed', 'join-before-others'] as const),
  ...(['sets-in-order', 'same-as-seen', 'expire-by-birth', 'expire-by-own'] as const),
  ...(['expire-when-everywhere', 'expire-untold', 'base-without-over'] as const),
];

function firstFailure(planted: Planted): number | undefined {
  for (let seed = 1; seed <= SEEDS; seed++) {
    if (simulate(seed, planted) !== undefined) return seed;
  }
  return undefined;
}

for (const planted of Object.keys(PLANTED) as Planted[]) {
  if (RARE.includes(planted)) continue;
  test(`found: ${PLANTED[planted]}`, () => {
    const seed = DOCUMENTED.get(planted);
    if (seed !== undefined && simulate(seed, planted) !== undefined) return;
    const first = firstFailure(planted);
    assert.fail(`not by seed ${seed}, which docs/convergence.md names; the first is ${first}`);
  });
}

test('a failure is shrunk to a few steps that still fail', () => {
  const failure = simulate(firstFailure('ignore-tombstone')!, 'ignore-tombstone')!;
  const small = shrink(failure);
  assert.ok(small.scenario.steps.length <= 25, `${small.scenario.steps.length} steps`);
  assert.notEqual(play(small.scenario), undefined);
});

/** A batch that is not on disk is shipped, answered, lost, and made again. */
const ANSWERED_BATCH_IS_LOST: Step[] = [
  ...[write(5, 'insert', { key: 1, value: 1 }), capture(5), { do: 'store', site: 5 } as const],
  ...[write(5, 'insert', { key: 2, value: 1 }), ...apply(1, 5)],
  ...[write(1, 'insert', { key: 3, value: 1 }), ...apply(5, 1)],
  ...[write(5, 'insert', { key: 4, value: 1 }), capture(5), { do: 'confirm', site: 5 } as const],
  { do: 'crash', site: 5, what: 'machine' },
];

/**
 * Site 5 raises a value by much, site 1 by little and later; site 2047 knows of the second only, and what
 * it writes finds its base stamp at site 5.
 */
const GREATEST_STAMP_OF_LESS: Step[] = [
  ...[write(5, 'insert', { key: 1, value: 2 }), ...apply(1, 5), ...apply(2047, 5)],
  ...[write(5, 'update', { key: 1, value: 4 }), write(1, 'update', { key: 1, value: 1 })],
  ...[...apply(2047, 1), write(2047, 'update', { key: 1, value: 1 })],
  ...[...apply(5, 1), ...apply(5, 2047)],
];

/** The way of operators to lower a serial number: twice by less than half the circle, here at once. */
const SERIAL_IN_TWO_STEPS: Step[] = [
  ...[write(5, 'insert', { key: 1, value: 2 }), ...apply(1, 5), ...apply(2047, 5)],
  write(5, 'update', { key: 1, value: 2_000_000_000 }),
  write(5, 'update', { key: 1, value: 2_000_000_000 }),
  ...apply(1, 5),
];

/** Site 5 deletes a row and looks after the stability of that, before it hears of a later update by site 1. */
const TRIMMED_BEFORE_ITS_UPDATE: Step[] = [
  ...[write(5, 'insert', { key: 1, value: 1 }), ...exchange([5, 1])],
  ...[write(5, 'delete', { key: 1, value: 1 }), write(1, 'update', { key: 1, value: 2 })],
  { do: 'trim', site: 5 },
  ...Array.from({ length: 8 }, (): Step[] => [...exchange([5, 1]), { do: 'trim', site: 5 }]).flat(),
];

test(`a trimmed history brings a row back; found: ${PLANTED['no-last-image']}`, () => {
  const end = (planted: Planted | undefined, traced?: string[]): string | undefined => {
    const groups = [
      { name: 'g', stamp: '_crp_g', columns: ['a'], method: 'latest-timestamp' as const },
    ];
    const rules = { onDeleteUpdate: 'update' as const };
    const model = [simEntity(0, groups, { toasted: new Set(), texts: new Set(), rules })];
    const setting = { sites: [5, 1], model, offsets: [0, 0], planted };
    return play({ setting, steps: TRIMMED_BEFORE_ITS_UPDATE }, traced);
  };
  const trace: string[] = [];
  assert.equal(end(undefined, trace), undefined);
  assert.equal(
    trace.filter((line) => line.includes('histories up to')).length,
    1,
    trace.join('\n'),
  );
  assert.match(end('no-last-image') ?? 'kept', /what its history says/);
});

/**
 * Site 5 removes an element and then adds another one; site 1, which does not know of it, removes the first
 * one too and adds it again.
 */
const ADDED_WITHOUT_KNOWING: Step[] = [
  ...[write(5, 'insert', { key: 1, value: 1 }), ...apply(1, 5), ...apply(2047, 5)],
  ...[write(5, 'update', { key: 1, value: 4 }), write(5, 'update', { key: 1, value: 9 })],
  ...[write(1, 'update', { key: 1, value: 4 }), write(1, 'update', { key: 1, value: 8 })],
];

const BY_HAND: [title: string, method: Method, planted: Planted, steps: Step[], message: RegExp][] =
  [
    [
      'a batch that was lost after it had been answered arrives everywhere',
      ...(['latest-timestamp', 'early-vector', ANSWERED_BATCH_IS_LOST, /has applied/] as const),
    ],
    [
      'a value is not lowered by one that was written over a part of it',
      ...(['maximum', 'equal-stamp-overwrites', GREATEST_STAMP_OF_LESS, /it should be/] as const),
    ],
    [
      'two steps of a serial number that are applied as one go all the way',
      ...(['serial-maximum', 'serial-without-base', SERIAL_IN_TWO_STEPS, /it should be/] as const),
    ],
    [
      'a removal keeps an element out that was added without knowing of it',
      ...(['remove-wins', 'forget-removals', ADDED_WITHOUT_KNOWING, /it should be/] as const),
    ],
  ];

for (const [title, method, bug, steps, message] of BY_HAND) {
  test(`${title}; found: ${PLANTED[bug]}`, () => {
    assert.equal(playByHand(steps, undefined, { method }), undefined);
    assert.match(playByHand(steps, bug, { method }) ?? 'kept', message);
  });
}
