import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { MergePolicy } from '../merge/types.ts';
import { classify } from './classify.ts';
import { mergeStates } from './merge-states.ts';
import type { ComparedRow, SiteState } from './state.ts';
import { sameRow } from './state.ts';
import { SEED } from '../../test/support/seed.ts';

const POLICY: MergePolicy = {
  groups: [
    { name: 'a', method: 'latest-timestamp', columns: [0, 2] },
    { name: 'b', method: 'additive', columns: [1] },
  ],
};
/** As of an entity that keeps history: repair has to decide without it. */
const ORDERED: MergePolicy = {
  groups: [
    { name: 'a', method: 'ordered', columns: [0, 2], methods: [{ method: 'discard' }] },
    { name: 'b', method: 'ordered', columns: [1], methods: [{ method: 'average', scales: [0] }] },
  ],
  onDeleteUpdate: 'update',
  onKeyClash: 'earliest',
};

/** Few values, so that births, stamps and values often meet; the low bits name one of five sites. */
const stamp = fc
  .tuple(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 1, max: 5 }))
  .map(([time, site]) => (BigInt(time) << 11n) | BigInt(site));
const hash = fc.constantFrom('h1', 'h2', 'h3');

/** Values follow from the hashes, as they do in a database. */
const row: fc.Arbitrary<ComparedRow> = fc
  .tuple(stamp, fc.tuple(stamp, stamp), fc.tuple(hash, hash))
  .map(([birth, stamps, [a, b]]) => ({
    ...{ birth, stamps, hashes: [a, b], bytes: 10 },
    values: [`${a}.0`, b.slice(1), `${a}.2`],
  }));

const sites: fc.Arbitrary<SiteState[]> = fc.uniqueArray(
  fc.record(
    {
      site: fc.integer({ min: 1, max: 5 }),
      row,
      tombstone: fc.record({ birth: stamp, stamp }, { noNullPrototype: true }),
    },
    { requiredKeys: ['site'], noNullPrototype: true },
  ),
  { minLength: 2, maxLength: 5, selector: ({ site }) => site },
);

const check = (property: (states: SiteState[]) => void): void => {
  fc.assert(fc.property(sites, property), { seed: SEED, numRuns: 5000 });
};

test(`the order of the sites does not matter (seed ${SEED})`, () => {
  check((states) => {
    assert.deepEqual(mergeStates(POLICY, states.toReversed()), mergeStates(POLICY, states));
    const [first, ...rest] = states;
    assert.deepEqual(mergeStates(POLICY, [...rest, first!]), mergeStates(POLICY, states));
    assert.deepEqual(classify(POLICY, states.toReversed()), classify(POLICY, states));
  });
});

test(`drift is decided by stamps whatever the methods are (seed ${SEED})`, () => {
  check((states) => {
    assert.deepEqual(mergeStates(ORDERED, states), mergeStates(POLICY, states));
    assert.deepEqual(classify(ORDERED, states), classify(POLICY, states));
  });
});

test(`sites that have what was merged are equal, and merging again changes nothing (seed ${SEED})`, () => {
  check((states) => {
    const merged = mergeStates(POLICY, states);
    const after = states.map(({ site }): SiteState => {
      const state: SiteState = { site };
      if (merged.row !== undefined) state.row = merged.row;
      if (merged.tombstone !== undefined) state.tombstone = merged.tombstone;
      return state;
    });
    assert.equal(classify(POLICY, after), undefined);
    const again = mergeStates(POLICY, after);
    assert.deepEqual([again.row, again.tombstone], [merged.row, merged.tombstone]);
  });
});

test(`one site's part in a repair does not change what the others must do (seed ${SEED})`, () => {
  check((states) => {
    const merged = mergeStates(POLICY, states);
    const [first, ...rest] = states;
    const mended: SiteState = { site: first!.site };
    if (merged.row !== undefined) mended.row = merged.row;
    if (merged.tombstone !== undefined) mended.tombstone = merged.tombstone;
    const later = mergeStates(POLICY, [mended, ...rest]);
    // With more sites a value that was the author's can become that of most: never one that lost.
    if (states.length === 2) assert.deepEqual(later.row, merged.row);
    assert.deepEqual(later.row?.stamps, merged.row?.stamps);
    assert.deepEqual(later.tombstone, merged.tombstone);
  });
});

test(`nothing is made up: every value is one that a site has under the greatest stamp (seed ${SEED})`, () => {
  check((states) => {
    const { row: merged, tombstone } = mergeStates(POLICY, states);
    const dead = tombstone?.birth ?? -1n;
    const living = states.flatMap((state) => state.row ?? []).filter(({ birth }) => birth > dead);
    if (merged === undefined) return assert.deepEqual(living, []);
    assert.ok(living.every(({ birth }) => birth <= merged.birth));
    const latest = living.filter(({ birth }) => birth === merged.birth);
    for (const [index, group] of POLICY.groups.entries()) {
      const newest: ComparedRow[] = latest.filter(
        (one) => one.stamps[index] === merged.stamps[index],
      );
      assert.ok(latest.every((one) => one.stamps[index]! <= merged.stamps[index]!));
      const from: ComparedRow = newest.find((one) => one.hashes[index] === merged.hashes[index])!;
      for (const column of group.columns) assert.equal(merged.values[column], from.values[column]);
    }
  });
});

test(`a site is mended exactly where it has not what stands (seed ${SEED})`, () => {
  check((states) => {
    const drift = classify(POLICY, states);
    const { row: merged } = mergeStates(POLICY, states);
    const wanted: SiteState = { site: 0, ...(merged === undefined ? {} : { row: merged }) };
    const wrong = states.filter((state) => !sameRow(state, wanted)).map(({ site }) => site);
    assert.deepEqual(
      drift?.mendings.map(({ site }) => site) ?? [],
      drift === undefined ? [] : wrong.toSorted((one, other) => one - other),
    );
  });
});
