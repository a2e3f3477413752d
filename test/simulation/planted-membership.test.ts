import assert from 'node:assert/strict';
import { test } from 'node:test';
import { apply, capture, exchange, playByHand, write } from './by-hand.ts';
import { PLANTED } from './planted.ts';
import type { Planted } from './planted.ts';
import type { Step } from './steps.ts';

/** The sites exchange everything, and one of them looks after stability, until a run is through. */
const settle = (sites: readonly number[], trimming: number): Step[] =>
  Array.from({ length: 8 }, (): Step[] => [
    ...exchange(sites),
    { do: 'trim', site: trimming },
  ]).flat();

/** Site 3 writes a row that it has from its base copy; site 5 deleted that row meanwhile, and collects tombstones. */
const WRITTEN_WHILE_JOINING: Step[] = [
  ...[write(5, 'insert', { key: 1, value: 1 }), ...exchange([5, 1, 2047])],
  { do: 'invite', site: 5, newcomer: 3 },
  { do: 'admit', site: 5, newcomer: 3 },
  { do: 'copy', site: 5, newcomer: 3 },
  ...exchange([5, 1, 2047]),
  { do: 'open', site: 3, offset: 0 },
  ...[write(5, 'delete', { key: 1, value: 1 }), ...settle([5, 1, 2047], 5)],
  write(3, 'update', { key: 1, value: 2 }),
];

/** Site 2047 wrote a row and is removed; site 1 has that write, not yet applied, when site 5 deletes the row. */
const REMOVED_WITH_A_TAIL: Step[] = [
  ...[write(5, 'insert', { key: 1, value: 1 }), ...exchange([5, 1, 2047])],
  ...[write(2047, 'update', { key: 1, value: 2 }), capture(2047)],
  { do: 'pull', site: 1, from: 2047, origin: 2047, count: 9, again: 0 },
  { do: 'remove', site: 1, gone: 2047 },
  { do: 'greet', site: 1, with: 5 },
  ...[write(5, 'delete', { key: 1, value: 1 }), ...settle([5, 1], 5)],
];

/** Site 5 leaves while site 2047 is away; site 1 has applied its last write, and loses its journal's tail. */
const LEFT_IN_A_TAIL: Step[] = [
  write(5, 'insert', { key: 1, value: 1 }),
  ...[capture(5), { do: 'store', site: 5 } as const, { do: 'confirm', site: 5 } as const],
  { do: 'lock', site: 5, away: [2047] },
  ...[...apply(1, 5), { do: 'wal', site: 1 } as const],
  { do: 'leave', site: 5, told: [1] },
  { do: 'crash', site: 1, what: 'agent' },
];

/** Site 3 has a row of site 2047 from the base copy that site 5 gave it; site 1 has it not. Both are lost. */
const COPIED_AND_LOST: Step[] = [
  ...[write(2047, 'insert', { key: 1, value: 1 }), ...apply(5, 2047)],
  { do: 'invite', site: 5, newcomer: 3 },
  { do: 'admit', site: 5, newcomer: 3 },
  { do: 'copy', site: 5, newcomer: 3 },
  { do: 'open', site: 3, offset: 0 },
  { do: 'greet', site: 3, with: 1 },
  { do: 'lose', site: 2047 },
  { do: 'lose', site: 5 },
];

/**
 * The clock of site 1 is behind, so it stamps what it writes just above the floor: a row that it wrote several times
 * above one that it deletes later. Site 5 has just found out that the first is stable.
 */
const BEHIND_ITS_OWN_STAMPS: Step[] = [
  ...[write(2047, 'insert', { key: 1, value: 1 }), write(2047, 'insert', { key: 2, value: 1 })],
  ...[...exchange([5, 1, 2047]), ...exchange([5, 1, 2047])],
  ...[2, 3, 4].map((value) => write(1, 'update', { key: 1, value })),
  ...[write(1, 'delete', { key: 1, value: 1 }), ...exchange([5, 1, 2047])],
  ...Array.from({ length: 5 }, (): Step[] => [
    ...exchange([5, 1, 2047]),
    { do: 'trim', site: 5 },
  ]).flat(),
  ...[write(5, 'insert', { key: 3, value: 1 }), capture(5), { do: 'store', site: 5 } as const],
  { do: 'trim', site: 5 },
  ...[write(1, 'delete', { key: 2, value: 1 }), write(2047, 'update', { key: 2, value: 7 })],
  ...[...apply(5, 1), ...apply(1, 5), ...apply(2047, 5)],
  ...[5, 1, 2047].map((site): Step => ({ do: 'wal', site })),
  { do: 'trim', site: 5 },
];

const BY_HAND: [title: string, planted: Planted, steps: Step[], message: RegExp][] = [
  [
    'a tombstone stays until a site that joins has it',
    ...(['stable-without-joining', WRITTEN_WHILE_JOINING, /it should be/] as const),
  ],
  [
    'a tombstone stays until what a removed site wrote is everywhere',
    ...(['stable-without-departed', REMOVED_WITH_A_TAIL, /it should be/] as const),
  ],
  [
    'a site that leaves is in the journals of those that stay',
    ...(['leave-unstored', LEFT_IN_A_TAIL, /has applied/] as const),
  ],
  [
    'a site that joins has nothing that those may lack to whom it cannot hand it on',
    ...(['join-before-others', COPIED_AND_LOST, /it should be|has applied/] as const),
  ],
  [
    'a tombstone stays that came after those that became stable, though its stamp is less',
    ...(['floor-untold', BEHIND_ITS_OWN_STAMPS, /it should be/] as const),
  ],
];

/** The clock of site 1 is ten minutes behind. */
const BEHIND = { method: 'latest-timestamp' as const, offsets: [0, -600_000_000, 0] };

for (const [title, bug, steps, message] of BY_HAND) {
  test(`${title}; found: ${PLANTED[bug]}`, () => {
    assert.equal(playByHand(steps, undefined, BEHIND), undefined);
    assert.match(playByHand(steps, bug, BEHIND) ?? 'kept', message);
  });
}
