import assert from 'node:assert/strict';
import { test } from 'node:test';
import { arrivalConflicts } from './arrival.ts';
import { trimSteps, withChange } from './history.ts';
import { replay, run } from './replay.ts';
import { stampOf } from './stamps.ts';
import type { Change, History, MergePolicy, ReplayConflict, RowVersion, Value } from './types.ts';

const at = (time: number, site: number): bigint => (BigInt(time) << 11n) | BigInt(site);
const BORN = at(1, 3);

/** The flags of a message: an add-wins set in a row that comes back if it was changed while it was deleted. */
function policyOf(
  rules: Partial<MergePolicy> = {},
  method: 'add-wins' | 'remove-wins' = 'add-wins',
) {
  const set = { numbers: false, empty: '{}' };
  const policy: MergePolicy = {
    groups: [
      { name: 'flag', method, columns: [0, 2], set },
      { name: 'size', method: 'latest-timestamp', columns: [1] },
    ],
    ...rules,
  };
  return policy;
}
const UPDATE = policyOf({ onDeleteUpdate: 'update' });

const row = (flags: Value, stamp: bigint, tags: Value = null): RowVersion => ({
  ...{ birth: BORN, stamps: [stamp, BORN], values: [flags, '10', tags] },
});
const FIRST = row('{seen}', BORN);
const GONE = (stamp: bigint): RowVersion => row('{}', stamp);
const AGAIN = row('{seen}', at(15, 1), `{"+${at(15, 1)} seen"}`);

const recorded = (change: Change) => ({ change, stamp: stampOf(change)! });
const historyOf = (...changes: Change[]): History =>
  changes.map(recorded).reduce<History>(withChange, { changes: [] });

function arriving(policy: MergePolicy, old: History, ...changes: Change[]): ReplayConflict[] {
  const arrived = changes.map(recorded);
  const now = replay(policy, arrived.reduce(withChange, old));
  return arrivalConflicts(policy, { old, arrived, before: replay(policy, old), now });
}

const said = (conflicts: readonly ReplayConflict[]): string[] =>
  conflicts.map(({ type, group, winner, of, elements = [] }) =>
    [type, group ?? 'row', winner, of >> 11n, ...elements].join(' '),
  );

/** Site 1 removes a flag (10) and adds it again (15); site 2 removes it too (12), without knowing of either. */
const REMOVED = { before: FIRST, after: GONE(at(10, 1)) };
const ADDED = { before: GONE(at(10, 1)), after: AGAIN };
const OTHER = { before: FIRST, after: GONE(at(12, 2)) };

test('a removal that arrives after an addition is at odds with it, wherever its stamp puts it', () => {
  const all = replay(UPDATE, historyOf(REMOVED, OTHER, ADDED));
  assert.deepEqual(all.state.row!.values, AGAIN.values);
  assert.deepEqual(all.conflicts, [], 'in the order of stamps nothing is');
  const at1 = arriving(UPDATE, historyOf(REMOVED, ADDED), OTHER);
  assert.deepEqual(said(at1), ['update flag local 12 seen']);
  assert.deepEqual(at1[0]!.met!.values, AGAIN.values);
  assert.deepEqual(said(arriving(UPDATE, historyOf(OTHER), REMOVED, ADDED)), []);
});

test('what arrives together is held against what came before it', () => {
  const old = historyOf({
    before: FIRST,
    after: row('{seen,draft}', at(5, 3), `{"+${BORN} seen","+${at(5, 3)} draft"}`),
  });
  const conflicts = arriving(UPDATE, old, REMOVED, ADDED, OTHER);
  assert.deepEqual(said(conflicts), ['update flag local 12 seen']);
});

test('the set of a row that is deleted is remembered until nothing can bring it back', () => {
  const deleted = { before: AGAIN, deleted: { birth: BORN, stamp: at(20, 1) } };
  const whole = historyOf(REMOVED, ADDED, deleted);
  assert.deepEqual(said(arriving(UPDATE, whole, OTHER)), [
    'delete row local 12',
    'update flag local 12 seen',
  ]);
  const late = { before: FIRST, after: GONE(at(25, 2)) };
  const trimmed = run(
    trimSteps(
      UPDATE,
      withChange(
        whole,
        recorded({ before: FIRST, after: { ...FIRST, stamps: [BORN, at(30, 3)] } }),
      ),
      at(20, 1),
    ),
  )!;
  assert.equal(trimmed.changes.length, 1);
  assert.ok(said(arriving(UPDATE, trimmed, late)).includes('update flag local 25 seen'));
  const { row: back } = replay(UPDATE, withChange(trimmed, recorded(late))).state;
  assert.deepEqual(back!.values, AGAIN.values, 'tags are in the base');
});

test('a removal that has another one as its twin is recorded where a delete overlooks it', () => {
  // Site 3 added a flag (13); site 1 knew of it and deleted the row (14).
  const draft = {
    before: FIRST,
    after: row('{draft,seen}', at(13, 3), `{"+${BORN} seen","+${at(13, 3)} draft"}`),
  };
  const seen = row('{draft}', at(13, 3), `{"+${at(13, 3)} draft"}`);
  const deleted = { before: seen, deleted: { birth: BORN, stamp: at(14, 1) } };
  const old = historyOf(REMOVED, draft, deleted);
  assert.equal(replay(UPDATE, withChange(old, recorded(OTHER))).state.row, undefined);
  assert.deepEqual(said(arriving(UPDATE, old, OTHER)), ['delete row local 12']);
  // Where removals win each leaves its own tag, and the row was changed.
  const policy = policyOf({ onDeleteUpdate: 'update' }, 'remove-wins');
  const tagged = { before: FIRST, after: row('{}', at(12, 2), `{"-${at(12, 2)} seen"}`) };
  assert.notEqual(replay(policy, withChange(old, recorded(tagged))).state.row, undefined);
});
