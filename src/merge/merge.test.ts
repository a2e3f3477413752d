import assert from 'node:assert/strict';
import { test } from 'node:test';
import { merge } from './merge.ts';
import type { Change, KeyState, MergePolicy, RowVersion } from './types.ts';

const POLICY: MergePolicy = {
  groups: [
    { name: 'name', method: 'latest-timestamp', columns: [0, 1] },
    { name: 'count', method: 'additive', columns: [2] },
  ],
};

function version(birth: bigint, stamps: [bigint, bigint], values: (string | null)[]): RowVersion {
  return { birth, stamps, values };
}

const BASE = version(10n, [10n, 10n], ['x', null, '5']);

interface Case {
  name: string;
  state: KeyState;
  change: Change;
  row: RowVersion | undefined;
  conflicts: string[];
}

const CASES: Case[] = [
  {
    name: 'an insert of a free key is plain',
    state: {},
    change: { after: BASE },
    row: BASE,
    conflicts: [],
  },
  {
    name: 'an update of what the origin saw is plain, whatever the clocks say',
    state: { row: BASE },
    change: { before: BASE, after: version(10n, [11n, 10n], ['y', null, '5']) },
    row: version(10n, [11n, 10n], ['y', null, '5']),
    conflicts: [],
  },
  {
    name: 'an older concurrent update of the same group loses',
    state: { row: version(10n, [20n, 10n], ['here', null, '5']) },
    change: { before: BASE, after: version(10n, [15n, 10n], ['there', null, '5']) },
    row: version(10n, [20n, 10n], ['here', null, '5']),
    conflicts: ['update name local'],
  },
  {
    name: 'a later concurrent update of the same group wins as a whole',
    state: { row: version(10n, [20n, 10n], ['here', 'note', '5']) },
    change: { before: BASE, after: version(10n, [25n, 10n], ['there', null, '5']) },
    row: version(10n, [25n, 10n], ['there', null, '5']),
    conflicts: ['update name remote'],
  },
  {
    name: 'additions of both sites add up',
    state: { row: version(10n, [10n, 20n], ['x', null, '7']) },
    change: { before: BASE, after: version(10n, [10n, 15n], ['x', null, '8']) },
    row: version(10n, [10n, 20n], ['x', null, '10']),
    conflicts: [],
  },
  {
    name: 'an update of a deleted row is discarded and recorded',
    state: { tombstone: { birth: 10n, stamp: 30n } },
    change: { before: BASE, after: version(10n, [40n, 10n], ['y', null, '5']) },
    row: undefined,
    conflicts: ['delete - local'],
  },
  {
    name: 'a delete ends a row that was changed meanwhile and records it',
    state: { row: version(10n, [40n, 10n], ['y', null, '5']) },
    change: { before: BASE, deleted: { birth: 10n, stamp: 30n } },
    row: undefined,
    conflicts: ['delete name remote'],
  },
  {
    name: 'a key that was inserted again after its delete lives',
    state: { tombstone: { birth: 10n, stamp: 30n } },
    change: { after: version(31n, [31n, 31n], ['new', null, '0']) },
    row: version(31n, [31n, 31n], ['new', null, '0']),
    conflicts: [],
  },
  {
    name: 'of two inserts of one key the later is the whole row',
    state: { row: version(10n, [50n, 10n], ['mine', null, '5']) },
    change: { after: version(12n, [12n, 12n], ['theirs', null, '1']) },
    row: version(12n, [12n, 12n], ['theirs', null, '1']),
    conflicts: ['uniqueness - remote'],
  },
  {
    name: 'an update of a row that was never here is kept and recorded',
    state: {},
    change: { before: BASE, after: version(10n, [11n, 10n], ['y', null, '5']) },
    row: version(10n, [11n, 10n], ['y', null, '5']),
    conflicts: ['missing - remote'],
  },
];

for (const { name, state, change, row, conflicts } of CASES) {
  test(name, () => {
    const result = merge(POLICY, state, change);
    assert.deepEqual(result.state.row, row);
    assert.deepEqual(
      result.conflicts.map(({ type, group, winner }) => `${type} ${group ?? '-'} ${winner}`),
      conflicts,
    );
  });
}

test('two forms that were derived with one stamp end with the greater text, in either order', () => {
  const policy: MergePolicy = {
    groups: [{ name: 'name', method: 'latest-timestamp', columns: [0] }],
  };
  const form = (value: string, stamp: bigint): RowVersion => ({
    ...{ birth: 2049n, stamps: [stamp], values: [value] },
  });
  const merged = (one: RowVersion, other: RowVersion): unknown =>
    merge(policy, { row: one }, { after: other }).state.row?.values[0];
  const [a, b] = [form('x@a', 5n << 11n), form('x@b', 5n << 11n)];
  assert.deepEqual([merged(a, b), merged(b, a)], ['x@b', 'x@b']);
  // Of writes nothing of the kind: a stamp with a site is of one write.
  const [c, d] = [form('x@a', (5n << 11n) | 1n), form('x@b', (5n << 11n) | 1n)];
  assert.equal(merged(c, d), 'x@a');
});
