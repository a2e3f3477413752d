import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { newConflicts } from '../../merge/arrival.ts';
import { withChange } from '../../merge/history.ts';
import { replay } from '../../merge/replay.ts';
import type { Change, History, KeyState, MergePolicy, RowVersion } from '../../merge/types.ts';
import { beginning, plainState, restored, unrecorded } from './history-plain.ts';
import { SEED } from '../../../test/support/seed.ts';

const policy: MergePolicy = {
  groups: [
    {
      ...{ name: 'a', method: 'ordered', columns: [0] },
      methods: [{ method: 'average', scales: [undefined] }, { method: 'discard' }],
    },
    { name: 'b', method: 'ordered', columns: [1], methods: [{ method: 'earliest-timestamp' }] },
  ],
};

/** What is done next: to a state that was there before (`seen` steps back), by one of some kinds. */
interface Step {
  seen: number;
  kind: 'a' | 'b' | 'both' | 'delete';
  value: number;
}

const steps = fc.array(
  fc.record<Step>({
    seen: fc.nat({ max: 3 }),
    kind: fc.constantFrom('a', 'b', 'both', 'delete'),
    value: fc.nat({ max: 20 }),
  }),
  { minLength: 1, maxLength: 12 },
);

function changed(row: RowVersion, { kind, value }: Step, stamp: bigint): RowVersion {
  const groups = kind === 'a' ? [0] : kind === 'b' ? [1] : [0, 1];
  return {
    birth: row.birth,
    stamps: row.stamps.map((old, group) => (groups.includes(group) ? stamp : old)),
    values: row.values.map((old, group) => (groups.includes(group) ? `${value}` : old)),
  };
}

/** The change that a step makes of a state at a site. */
function changeOf({ row }: KeyState, step: Step, stamp: bigint): Change | undefined {
  if (row === undefined) {
    if (step.kind === 'delete') return undefined;
    const values = [`${step.value}`, `${step.value}`];
    return { after: { birth: stamp, stamps: [stamp, stamp], values } };
  }
  if (step.kind === 'delete') return { before: row, deleted: { birth: row.birth, stamp } };
  return { before: row, after: changed(row, step, stamp) };
}

test('a change that found what is here, after all that is recorded, is what a replay says', () => {
  let plain = 0;
  const property = fc.property(
    steps,
    fc.constantFrom(undefined, 'update', 'latest', 'park'),
    (plan, rule) => {
      const rules = { ...policy, ...(rule === undefined ? {} : { onDeleteUpdate: rule }) };
      let history: History = { changes: [] };
      const states: KeyState[] = [{}];
      for (const [index, step] of plan.entries()) {
        const stamp = BigInt(10 * (index + 1));
        const change = changeOf(
          states.at(-1 - Math.min(step.seen, states.length - 1))!,
          step,
          stamp,
        );
        if (change === undefined) continue;
        const old = replay(rules, history);
        const newest = history.changes.at(-1)?.stamp;
        const found = plainState({ state: old.state, newest }, { change, stamp });
        history = withChange(history, { change, stamp });
        const now = replay(rules, history);
        states.push(now.state);
        if (found === undefined) continue;
        plain += 1;
        assert.deepEqual(found.row, now.state.row);
        assert.deepEqual(newConflicts(old.conflicts, now.conflicts), []);
      }
    },
  );
  fc.assert(property, { seed: SEED, numRuns: 2000 });
  assert.ok(plain > 1000, `${plain} changes were plain`);
});

test('the lost change of a row that looks as it was seen makes a replay necessary', () => {
  const row: RowVersion = { birth: 1n, stamps: [1n, 1n], values: ['1', '1'] };
  const step: Step = { seen: 0, kind: 'b', value: 5 };
  const known = { state: { row }, newest: 20n };
  const change = { before: row, after: changed(row, step, 30n) };
  assert.equal(plainState(known, { change, stamp: 30n }), undefined);
  assert.notEqual(plainState({ ...known, newest: undefined }, { change, stamp: 30n }), undefined);
});

test('what was done before anything was recorded counts as one change', () => {
  const row: RowVersion = { birth: 1n, stamps: [5n, 1n], values: ['9', '1'] };
  const before: RowVersion = { birth: 1n, stamps: [1n, 1n], values: ['1', '1'] };
  const first = { change: { before, after: { ...before, stamps: [7n, 1n] } }, stamp: 7n };
  assert.deepEqual(unrecorded({ state: { row }, newest: undefined }, first), {
    change: { before, after: row },
    stamp: 5n,
  });
  assert.equal(unrecorded({ state: { row }, newest: 5n }, first), undefined);
  assert.equal(unrecorded({ state: { row: before }, newest: undefined }, first), undefined);
  const tombstone = { birth: 1n, stamp: 6n };
  assert.deepEqual(unrecorded({ state: { tombstone }, newest: undefined }, first), {
    change: { before, deleted: tombstone },
    stamp: 6n,
  });
});

test('of an incarnation whose insert is lost an update is an insert of its image, and a delete is of no row', () => {
  const version = (birth: bigint, stamp: bigint): RowVersion => ({
    ...{ birth, stamps: [stamp, birth], values: ['1', '2'] },
  });
  const update = {
    change: { before: version(5n, 5n), after: version(5n, 9n) },
    stamp: 9n,
  };
  const next = { change: { before: version(5n, 9n), after: version(5n, 11n) }, stamp: 11n };
  const dead = {
    change: { before: version(5n, 5n), deleted: { birth: 5n, stamp: 7n } },
    stamp: 7n,
  };
  const other = { row: version(3n, 3n), history: { changes: [] } };
  assert.deepEqual(restored([update, next], other), [
    { change: { after: version(5n, 9n) }, stamp: 9n },
    next,
  ]);
  assert.deepEqual(restored([dead], other), [
    { change: { deleted: { birth: 5n, stamp: 7n } }, stamp: 7n },
  ]);
  for (const known of [
    { row: version(5n, 5n), history: { changes: [] } },
    { row: undefined, history: { base: { last: version(5n, 5n) }, changes: [] } },
    { row: undefined, history: { changes: [dead] } },
  ]) {
    assert.deepEqual(restored([update], known), [update]);
  }
});

test('a change that found what is lost for good is not what a history begins with', () => {
  const here: RowVersion = { birth: 1n, stamps: [3n, 1n], values: ['3', '1'] };
  const found: RowVersion = { birth: 1n, stamps: [6n, 1n], values: ['6', '1'] };
  const first = { change: { before: found, deleted: { birth: 1n, stamp: 9n } }, stamp: 9n };
  const begun = { change: { after: here }, stamp: 3n };
  const known = { state: { row: here }, newest: undefined };
  assert.deepEqual(beginning(known, { changes: [] }, first), begun);
  const own = { change: { before: here, after: { ...here, stamps: [12n, 1n] } }, stamp: 12n };
  const written = { state: { row: own.change.after }, newest: 12n };
  assert.deepEqual(beginning(written, { changes: [own] }, first), begun);
  assert.equal(beginning(written, { base: { row: here }, changes: [own] }, first), undefined);
  const seen = { change: { before: here, after: found }, stamp: 6n };
  assert.equal(beginning(known, { changes: [] }, seen), undefined);
});
