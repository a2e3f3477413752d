import assert from 'node:assert/strict';
import { test } from 'node:test';
import { apply, exchange } from './by-hand.ts';
import { simEntity, simGroup } from './model.ts';
import { PLANTED } from './planted.ts';
import type { Planted } from './planted.ts';
import { play } from './simulate.ts';
import type { Step } from './steps.ts';

const SITES = [5, 1, 2047];
/** What the time of a row is drawn from: over at the next step, in some minutes, never. */
const SOON = 16 + 5;
const MINUTES = 2;
/** What a set is drawn from that stays as it is. */
const SAME = 11;
/** One that adds an element, or removes it. */
const CHANGED = 4;
const [TIME, SET] = [1, 2];

function write(
  site: number,
  op: 'insert' | 'update' | 'delete',
  parts: { value: number; groups?: number; key?: number },
): Step {
  const statement = { op, entity: 0, to: 0, key: 1, groups: TIME, ...parts };
  return { do: 'write', site, durably: true, statements: [statement] };
}

const expire = (site: number, durably = true): Step => ({ do: 'expire', site, durably });

/** Rounds after which a site has found out that what it had is stable; it removes what is over in the last. */
const ROUNDS = 7;

/** Sites exchange everything, and site 5 removes what is over and stable. */
const rounds = (count = ROUNDS, sites: readonly number[] = SITES): Step[] =>
  Array.from({ length: count }, (): Step[] => [...exchange(sites), expire(5)]).flat();

/** Plays steps of three sites on one entity whose rows expire. */
function playExpiring(
  steps: Step[],
  planted: Planted | undefined,
  hand: { lapses?: boolean; traced?: string[] } = {},
): string | undefined {
  const groups = [simGroup('t', ['until'], 'latest-timestamp'), simGroup('s', ['s'], 'add-wins')];
  const expires = { column: 'until', grace: 0 };
  const model = [simEntity(0, groups, { toasted: new Set(), texts: new Set(), expires })];
  const { lapses = false, traced } = hand;
  const setting = { sites: SITES, model, offsets: [0, 0, 0], planted, lapses };
  return play({ setting, steps }, traced);
}

/** Long after site 5 has removed a row, site 1, which has it still, writes what is there already. */
const WRITTEN_AS_IT_IS: Step[] = [
  ...[write(5, 'insert', { value: SOON }), ...rounds()],
  ...[{ do: 'clock', site: 5, by: 300_000_000 } as const, expire(5)],
  ...[write(1, 'update', { groups: SET, value: SAME }), ...apply(5, 1)],
];

/** Site 5 removes a row long after its time, and its database crashes before that is on disk. */
const REMOVED_AND_CRASHED: Step[] = [
  ...[write(5, 'insert', { value: SOON }), { do: 'clock', site: 5, by: 300_000_000 } as const],
  ...[...rounds(ROUNDS - 1), ...exchange(SITES), expire(5, false)],
  { do: 'crash', site: 5, what: 'database' },
];

const REMOVED_AGAIN: [title: string, steps: Step[]][] = [
  ['a row that is written as it is, long after its time', WRITTEN_AS_IT_IS],
  ['a row whose removal a crash took back', REMOVED_AND_CRASHED],
];

for (const [title, steps] of REMOVED_AGAIN) {
  test(`${title}, is removed again`, () => {
    const traced: string[] = [];
    assert.equal(playExpiring(steps, undefined, { lapses: true, traced }), undefined);
    const removals = traced.filter((line) => line.endsWith('0/1 removed'));
    assert.equal(removals.length, 1, traced.join('\n'));
  });
}

/**
 * What site 5 has of the row that is over in some minutes is stable. Then sites 1 and 2047 write it without knowing of
 * each other, and site 5 has one of that when the time is over.
 */
const WRITTEN_BEFORE_ITS_TIME: Step[] = [
  write(5, 'insert', { value: MINUTES, key: 1 }),
  ...[write(5, 'insert', { value: SOON, key: 2 }), ...rounds()],
  write(1, 'update', { groups: SET, value: CHANGED }),
  ...[write(2047, 'update', { groups: SET, value: CHANGED + 2 }), ...apply(5, 1)],
  ...[{ do: 'clock', site: 5, by: 300_000_000 } as const, expire(5), ...apply(5, 2047)],
];

/** Sites 1 and 2047 write a row without knowing of each other; site 5 has the one write, and not the other. */
const WRITTEN_APART: Step[] = [
  ...[write(5, 'insert', { value: SOON }), ...exchange(SITES)],
  write(1, 'update', { groups: SET, value: CHANGED }),
  write(2047, 'update', { groups: SET, value: CHANGED + 2 }),
];

/** Site 2047 is out of reach of the other two, but for greetings. */
const WITHOUT_ONE: Step[] = [...WRITTEN_APART, ...rounds(ROUNDS, [5, 1])];

/** Site 2047 gets what site 1 wrote; what it wrote before that is on its way. */
const ON_ITS_WAY: Step[] = [
  ...WRITTEN_APART,
  ...[...apply(5, 1), ...apply(2047, 1)],
  ...[...SITES.map((site): Step => ({ do: 'wal', site })), expire(5)],
];

/** Site 5 has removed a row, its clock is set back, and it inserts the key again; the others have the old row still. */
const INSERTED_AGAIN: Step[] = [
  ...[write(5, 'insert', { value: SOON }), ...rounds()],
  { do: 'clock', site: 5, by: -60_000_000 },
  write(5, 'insert', { value: MINUTES }),
];

/** A row is over when site 5 gives a base copy, and nobody has removed it. */
const COPIED_WHEN_OVER: Step[] = [
  ...[write(5, 'insert', { value: SOON }), ...exchange(SITES)],
  { do: 'invite', site: 5, newcomer: 3 },
  { do: 'admit', site: 5, newcomer: 3 },
  { do: 'copy', site: 5, newcomer: 3 },
  ...exchange(SITES),
  { do: 'open', site: 3, offset: 0 },
];

const BY_HAND: [title: string, planted: Planted, steps: Step[]][] = [
  ['a row stays until every site says what it has', ...(['expire-by-own', WITHOUT_ONE] as const)],
  [
    'a row that is inserted after a removal is later than the one that was removed',
    ...(['expire-untold', INSERTED_AGAIN] as const),
  ],
  [
    'a row stays until what was made without it is here',
    ...(['expire-when-everywhere', ON_ITS_WAY] as const),
  ],
  [
    'a row stays until the last write of it is stable',
    ...(['expire-by-birth', WRITTEN_BEFORE_ITS_TIME] as const),
  ],
  [
    'a new site has what is over and not stable',
    ...(['base-without-over', COPIED_WHEN_OVER] as const),
  ],
];

for (const [title, planted, steps] of BY_HAND) {
  test(`${title}; found: ${PLANTED[planted]}`, () => {
    assert.equal(playExpiring(steps, undefined), undefined);
    assert.match(playExpiring(steps, planted) ?? 'kept', /it should be/);
  });
}
