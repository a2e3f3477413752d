import assert from 'node:assert/strict';
import { test } from 'node:test';
import { trimSteps, withChange } from './history.ts';
import { replay, run } from './replay.ts';
import { stampOf } from './stamps.ts';
import type { Change, History, MergePolicy, RowVersion, Value } from './types.ts';

const at = (time: number, site: number): bigint => (BigInt(time) << 11n) | BigInt(site);

const historyOf = (...changes: Change[]): History =>
  changes.reduce<History>((all, change) => withChange(all, { change, stamp: stampOf(change)! }), {
    changes: [],
  });

const deleted = (before: RowVersion, stamp: bigint): Change => ({
  ...{ before, deleted: { birth: before.birth, stamp } },
});

/** Groups a (latest), n (a sum) and s (a set with its tags), inserted at one time. */
const MERGED: MergePolicy = {
  groups: [
    { name: 'a', method: 'latest-timestamp', columns: [0] },
    { name: 'n', method: 'additive', columns: [1] },
    { name: 's', method: 'add-wins', columns: [2, 3], set: { numbers: true, empty: '{}' } },
  ],
  onKeyClash: 'merge',
};
const inserted = (birth: bigint, ...values: Value[]): RowVersion => ({
  ...{ birth, stamps: [birth, birth, birth], values: [...values, null] },
});
const wrote = (before: RowVersion, value: Value, stamp: bigint): Change => ({
  before,
  after: { ...before, stamps: before.stamps.with(0, stamp), values: before.values.with(0, value) },
});

test('inserts of two sites are one row, which a change of either changes', () => {
  const [one, two] = [
    inserted(at(5, 1), null, '2', '{1,2}'),
    inserted(at(6, 2), 'b', '3', '{2,3}'),
  ];
  const both = [{ after: one }, { after: two }];
  const { state, conflicts } = replay(MERGED, historyOf(...both));
  const tags = [`+${at(5, 1)} 1`, `+${at(5, 1)} 2`, `+${at(6, 2)} 2`, `+${at(6, 2)} 3`];
  assert.deepEqual(state.row, {
    ...{ birth: at(6, 2), stamps: [at(6, 2), at(6, 2), at(6, 2)] },
    values: ['b', '5', '{1,2,3}', `{${tags.map((tag) => `"${tag}"`).join(',')}}`],
  });
  assert.deepEqual(
    conflicts.map(({ type, method, winner, met }) => [type, method, winner, met]),
    [['uniqueness', 'merge', 'merged', one]],
  );
  // Of the row that one site had before it heard of the other: the later value, and what is NULL leaves the other's.
  const late = replay(MERGED, historyOf(...both, wrote(one, 'a', at(7, 1))));
  assert.equal(late.state.row!.values[0], 'a');
  const early = replay(MERGED, historyOf({ after: one }, wrote(one, 'a', at(5, 3)), both[1]!));
  assert.equal(early.state.row!.values[0], 'b');
  const none = inserted(at(6, 2), null, null, '{}');
  const kept = replay(
    MERGED,
    historyOf({ after: one }, wrote(one, 'a', at(5, 3)), { after: none }),
  );
  assert.deepEqual(kept.state.row!.values.slice(0, 2), ['a', '2']);
});

test('a history is not trimmed while something is left that knows a merged row by its earlier birth', () => {
  const [one, two] = [inserted(at(5, 1), 'a', '1', '{}'), inserted(at(6, 2), 'b', '1', '{}')];
  const whole = historyOf({ after: one }, { after: two }, wrote(one, 'c', at(7, 1)));
  assert.equal(run(trimSteps(MERGED, whole, at(6, 2))), whole);
  assert.equal(run(trimSteps(MERGED, whole, at(7, 1))), undefined);
  const known = replay(MERGED, historyOf({ after: one }, { after: two })).state.row!;
  const later = historyOf({ after: one }, { after: two }, wrote(known, 'c', at(7, 1)));
  const trimmed = run(trimSteps(MERGED, later, at(6, 2)))!;
  assert.equal(trimmed.changes.length, 1);
  assert.deepEqual(replay(MERGED, trimmed).state, replay(MERGED, later).state);
});

test('a delete ends a merged row though it knew one insert only; one that outlives its delete is not merged into', () => {
  const [one, two] = [inserted(at(5, 1), 'a', '1', '{}'), inserted(at(6, 2), 'b', '1', '{}')];
  const both = [{ after: one }, { after: two }];
  const gone = replay(MERGED, historyOf(...both, deleted(one, at(7, 1))));
  assert.deepEqual(gone.state, { tombstone: { birth: at(6, 2), stamp: at(7, 1) } });
  assert.deepEqual(
    gone.conflicts.map(({ type }) => type),
    ['uniqueness', 'delete'],
  );
  const anew = inserted(at(8, 1), 'anew', '7', '{}');
  const outlived = replay(
    { ...MERGED, onDeleteUpdate: 'update' },
    historyOf(...both, deleted(one, at(7, 1)), { after: anew }),
  );
  assert.deepEqual(outlived.state, { row: anew });
});

test('an image that stands for a lost insert is not merged: it has what its site knew of the row', () => {
  const one = inserted(at(5, 1), 'a', '2', '{1}');
  const lost = inserted(at(6, 2), 'b', '3', '{}');
  const image = wrote(lost, 'c', at(7, 3)).after!;
  assert.deepEqual(replay(MERGED, historyOf({ after: one }, { after: image })).state.row, image);
});
