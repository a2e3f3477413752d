import assert from 'node:assert/strict';
import { test } from 'node:test';
import { apply, playByHand, write } from './by-hand.ts';
import { PLANTED } from './planted.ts';
import type { Planted } from './planted.ts';
import type { Step } from './steps.ts';

/** A row with the set {1} that sites 5, 1 and 2047 have. A write of 4 removes 1 or adds it, one of 9 adds 2. */
const EVERYWHERE: Step[] = [
  ...[write(5, 'insert', { key: 1, value: 1 }), ...apply(1, 5), ...apply(2047, 5)],
];
const toggled = (site: number, value: number): Step => write(site, 'update', { key: 1, value });

/** Sites 5 and 1 remove an element; site 5 adds it again before it hears of the other removal. */
const ADDED_AFTER_TWO_REMOVALS: Step[] = [
  ...[...EVERYWHERE, toggled(5, 4), toggled(1, 4), toggled(5, 4)],
];

/**
 * Sites 5 and 1 remove an element, site 2047 adds another one later; site 5 has that when it deletes the row. What
 * site 1 did leaves no trace then: not in the set, and not in its stamp.
 */
const DELETED_AS_IF_SEEN: Step[] = [
  ...[...EVERYWHERE, toggled(5, 4), toggled(1, 4), toggled(2047, 9)],
  ...[...apply(5, 2047), write(5, 'delete', { key: 1, value: 1 })],
];

const BY_HAND: [title: string, planted: Planted, steps: Step[]][] = [
  [
    'a removal that is replayed before an addition is recorded where it arrives after it',
    ...(['sets-in-order', ADDED_AFTER_TWO_REMOVALS] as const),
  ],
  [
    'a removal that a delete had not seen is recorded although the row is as the delete found it',
    ...(['same-as-seen', DELETED_AS_IF_SEEN] as const),
  ],
];

for (const [title, planted, steps] of BY_HAND) {
  test(`${title}; found: ${PLANTED[planted]}`, () => {
    const setting = { method: 'add-wins', rules: { onDeleteUpdate: 'update' } } as const;
    assert.equal(playByHand(steps, undefined, setting), undefined);
    assert.match(playByHand(steps, planted, setting) ?? 'kept', /by site 1 was lost|lost without/);
  });
}
