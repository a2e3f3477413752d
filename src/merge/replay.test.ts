import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newConflicts } from './arrival.ts';
import { meanOf } from './decimal.ts';
import { trimSteps, withChange } from './history.ts';
import { replay, run } from './replay.ts';
import { stampOf } from './stamps.ts';
import type {
  Change,
  Decider,
  FunctionCall,
  History,
  MergePolicy,
  RowVersion,
  Value,
} from './types.ts';

const NAMES = new Map([
  [1, 'muc'],
  [2, 'ber'],
  [3, 'ham'],
]);
const names = (): ReadonlyMap<number, string> => NAMES;

const at = (time: number, site: number): bigint => (BigInt(time) << 11n) | BigInt(site);

/** A row of one group of one column, inserted at time 1 by site 3 unless said otherwise. */
const row = (value: Value, stamp: bigint, birth = at(1, 3)): RowVersion => ({
  ...{ birth, stamps: [stamp], values: [value] },
});
const FIRST = row('10', at(1, 3));

const policyOf = (methods: Decider[], rules: Partial<MergePolicy> = {}): MergePolicy => ({
  groups: [{ name: 'g', method: 'ordered', columns: [0], methods }],
  ...rules,
});

const historyOf = (...changes: Change[]): History =>
  changes.reduce<History>((all, change) => withChange(all, { change, stamp: stampOf(change)! }), {
    changes: [],
  });

const update = (before: RowVersion, value: Value, stamp: bigint): Change => ({
  ...{ before, after: row(value, stamp, before.birth) },
});
const deleted = (before: RowVersion, stamp: bigint): Change => ({
  ...{ before, deleted: { birth: before.birth, stamp } },
});

const sum = ({ base, current, incoming }: FunctionCall): Value =>
  incoming === '0' ? null : `${base}+${current}+${incoming}`;

/** Site 1 wrote 20 at time 5 and site 2 wrote 41 at time 6, both over 10. */
const CASES: [name: string, methods: Decider[], value: Value, winner: string][] = [
  ['the later', [{ method: 'latest-timestamp' }], '41', 'remote'],
  ['overwrite', [{ method: 'overwrite' }], '41', 'remote'],
  ['the earlier', [{ method: 'earliest-timestamp' }], '20', 'local'],
  ['discard', [{ method: 'discard' }], '20', 'local'],
  ['park', [{ method: 'park' }], '20', 'local'],
  ['the sum of differences', [{ method: 'additive' }], '51', 'merged'],
  ['the mean, rounded', [{ method: 'average', scales: [0] }], '31', 'merged'],
  ['the mean', [{ method: 'average', scales: [undefined] }], '30.5', 'merged'],
  [
    'the greater',
    [{ method: 'maximum', orders: [{ kind: 'number', least: false }] }],
    '41',
    'remote',
  ],
  ['the less', [{ method: 'minimum', orders: [{ kind: 'number', least: true }] }], '20', 'local'],
  ['site muc', [{ method: 'site-priority', sites: ['muc', 'ber'], names }], '20', 'local'],
  ['site ber', [{ method: 'site-priority', sites: ['ber'], names }], '41', 'remote'],
  [
    'none of the listed sites',
    [{ method: 'site-priority', sites: ['ham'], names }],
    '20',
    'parked',
  ],
  [
    'none of the listed sites, then the later',
    [{ method: 'site-priority', sites: ['ham'], names }, { method: 'latest-timestamp' }],
    ...(['41', 'remote'] as const),
  ],
  [
    'no owner, then the mean',
    [
      { method: 'owner-wins', names },
      { method: 'average', scales: [0] },
    ],
    ...(['31', 'merged'] as const),
  ],
  ['a function', [{ method: 'sql-function', name: 'f', type: 'text' }], '10+20+41', 'merged'],
];

for (const [name, methods, value, winner] of CASES) {
  test(`of two concurrent values stands: ${name}`, () => {
    const writes = [update(FIRST, '41', at(6, 2)), update(FIRST, '20', at(5, 1))];
    const { state, conflicts } = replay(policyOf(methods), historyOf(...writes), sum);
    assert.equal(state.row!.values[0], value);
    assert.deepEqual(
      conflicts.map((one) => (one.parked && winner === 'parked' ? 'parked' : one.winner)),
      [winner],
    );
    assert.equal(conflicts[0]!.parked, methods.at(-1)!.method === 'park' || winner === 'parked');
    const won = winner === 'remote' || winner === 'merged';
    assert.equal(state.row!.stamps[0], won ? at(6, 2) : at(5, 1));
  });
}

test('a function of several columns gets them by name, and its result counts as a whole', () => {
  const columns = [
    { name: 'n', type: 'integer' },
    { name: 'm', type: 'integer' },
  ];
  const methods = [{ method: 'sql-function' as const, name: 'f', type: 'jsonb', columns }];
  const policy: MergePolicy = {
    groups: [{ name: 'g', method: 'ordered', columns: [0, 1], methods }],
  };
  const pair = (n: Value, m: Value, stamp: bigint): RowVersion => ({
    ...{ birth: at(1, 3), stamps: [stamp], values: [n, m] },
  });
  const before = pair('10', null, at(1, 3));
  const changes = [
    { before, after: pair('20', '1', at(5, 1)) },
    { before, after: pair('41', '2', at(6, 2)) },
  ];
  const calls: FunctionCall[] = [];
  const results: [Value, Value[], string][] = [
    ['["20","2"]', ['20', '2'], 'merged'],
    ['["41","2"]', ['41', '2'], 'remote'],
    [null, ['20', '1'], 'local'],
  ];
  for (const [result, values, winner] of results) {
    const asked = (call: FunctionCall): Value => {
      calls.push(call);
      return result;
    };
    const { state, conflicts } = replay(policy, historyOf(...changes), asked);
    assert.deepEqual(state.row!.values, values);
    assert.deepEqual(
      conflicts.map((one) => [one.winner, one.parked]),
      [[winner, result === null]],
    );
  }
  assert.deepEqual(calls[0], {
    ...{ name: 'f', type: 'jsonb', columns },
    ...{ base: '{"n":"10","m":null}', current: '{"n":"20","m":"1"}' },
    incoming: '{"n":"41","m":"2"}',
  });
});

test('the owner is the site that inserted the row, or the one that a column names', () => {
  const writes = [update(FIRST, '20', at(5, 3)), update(FIRST, '41', at(6, 2))];
  const inserted = policyOf([{ method: 'owner-wins', names }]);
  assert.equal(replay(inserted, historyOf(...writes)).state.row!.values[0], '20');
  const named: MergePolicy = {
    groups: [
      {
        name: 'g',
        method: 'ordered',
        columns: [0],
        methods: [{ method: 'owner-wins', place: 1, names }],
      },
      { name: 'o', method: 'latest-timestamp', columns: [1] },
    ],
  };
  const two = (value: string, stamp: bigint): RowVersion => ({
    ...{ birth: at(1, 3), stamps: [stamp, at(1, 3)], values: [value, 'ber'] },
  });
  const before = two('10', at(1, 3));
  const changes = [
    { before, after: two('20', at(5, 2)) },
    { before, after: two('41', at(6, 1)) },
  ];
  assert.equal(replay(named, historyOf(...changes)).state.row!.values[0], '20');
});

test('a write that saw only one of two concurrent ones is decided after both, whatever came first', () => {
  const policy = policyOf([{ method: 'discard' }]);
  const one = update(FIRST, 'one', at(5, 1));
  const two = update(FIRST, 'two', at(6, 2));
  const three = update(two.after!, 'three', at(7, 2));
  for (const order of [
    [one, two, three],
    [two, three, one],
    [two, one, three],
  ]) {
    assert.equal(replay(policy, historyOf(...order)).state.row!.values[0], 'one');
  }
});

test('a value that was computed meanwhile is a conflict although its stamp is the one that was seen', () => {
  const policy = policyOf([{ method: 'average', scales: [0] }]);
  const [one, two] = [update(FIRST, '20', at(5, 1)), update(FIRST, '40', at(6, 2))];
  const three = update(two.after!, '50', at(7, 2));
  assert.equal(replay(policy, historyOf(one, two)).state.row!.values[0], '30');
  const all = replay(policy, historyOf(one, two, three));
  assert.equal(all.state.row!.values[0], '40');
  assert.equal(all.conflicts.length, 2);
});

test('a better value under the stamp that a change saw is a conflict, since the change did not see it', () => {
  const number = { kind: 'number', least: false } as const;
  const policy: MergePolicy = {
    groups: [{ name: 'g', method: 'maximum', columns: [0], orders: [number] }],
  };
  const [high, low] = [update(FIRST, '40', at(5, 1)), update(FIRST, '20', at(6, 2))];
  const { state, conflicts } = replay(
    policy,
    historyOf(high, low, update(low.after!, '30', at(7, 3))),
  );
  assert.deepEqual(state.row, row('40', at(7, 3)));
  assert.deepEqual(
    conflicts.map((one) => [one.of, one.winner]),
    [
      [at(6, 2), 'local'],
      [at(7, 3), 'local'],
    ],
  );
});

test('a function is not called where nothing is concurrent', () => {
  const policy = policyOf([{ method: 'sql-function', name: 'f', type: 'text' }]);
  const one = update(FIRST, '20', at(5, 1));
  assert.equal(
    replay(policy, historyOf(one, update(one.after!, '21', at(6, 2)))).conflicts.length,
    0,
  );
});

type Rule = 'delete' | MergePolicy['onDeleteUpdate'];

/** A delete at time 5 and an update to 41 that had not seen it, at time 4 or 6. */
const DELETES: [rule: Rule, at: number, value: Value | undefined, parked: boolean][] = [
  ['delete', 4, undefined, false],
  ['delete', 6, undefined, false],
  ['update', 4, '41', false],
  ['update', 6, '41', false],
  ['latest', 4, undefined, false],
  ['latest', 6, '41', false],
  ['park', 4, '41', true],
  ['park', 6, '41', true],
];

for (const [rule, time, value, parked] of DELETES) {
  test(`rule ${rule}: an update ${time < 5 ? 'before' : 'after'} a delete that had not seen it`, () => {
    const rules = rule === 'delete' || rule === undefined ? {} : { onDeleteUpdate: rule };
    const policy = policyOf([{ method: 'latest-timestamp' }], rules);
    const changes = [update(FIRST, '41', at(time, 2)), deleted(FIRST, at(5, 1))];
    const { state, conflicts } = replay(policy, historyOf(...changes));
    assert.equal(state.row?.values[0], value);
    assert.equal(state.tombstone === undefined, value !== undefined);
    assert.deepEqual(
      conflicts.map((one) => [one.type, one.parked]),
      [['delete', parked]],
    );
  });
}

test('what was trimmed still brings a row back for an update that had not seen its delete', () => {
  const policy = policyOf([{ method: 'latest-timestamp' }], { onDeleteUpdate: 'update' });
  const [end, late] = [deleted(FIRST, at(5, 1)), update(FIRST, '41', at(6, 2))];
  const whole = historyOf(
    update(FIRST, '12', at(4, 1)),
    deleted(row('12', at(4, 1)), at(5, 1)),
    late,
  );
  const trimmed = run(trimSteps(policy, whole, at(5, 1)))!;
  assert.equal(trimmed.changes.length, 1);
  assert.deepEqual(trimmed.base, {
    tombstone: { birth: at(1, 3), stamp: at(5, 1) },
    last: row('12', at(4, 1)),
  });
  assert.deepEqual(replay(policy, trimmed).state, replay(policy, whole).state);
  assert.equal(run(trimSteps(policy, historyOf(end, late), at(6, 2))), undefined);
});

test('a delete ends the incarnation that it saw and no other', () => {
  const clash = policyOf([{ method: 'latest-timestamp' }], { onKeyClash: 'earliest' });
  const [one, two] = [row('one', at(5, 1), at(5, 1)), row('two', at(6, 2), at(6, 2))];
  const both = [{ after: one }, { after: two }];
  const earliest = replay(clash, historyOf(...both, deleted(two, at(7, 2))));
  assert.deepEqual(earliest.state, { row: one });
  assert.deepEqual(
    earliest.conflicts.map(({ type, winner }) => [type, winner]),
    [['uniqueness', 'local']],
  );
  const latest = policyOf([{ method: 'latest-timestamp' }]);
  assert.equal(replay(latest, historyOf(...both)).state.row, two);
  assert.equal(replay(latest, historyOf(...both, deleted(two, at(7, 2)))).state.row, undefined);
  assert.equal(replay(latest, historyOf(...both, deleted(one, at(7, 1)))).state.row, two);
});

test('of a new change only the conflicts that it made are new', () => {
  const policy = policyOf([{ method: 'discard' }]);
  const [one, two] = [update(FIRST, 'one', at(5, 1)), update(FIRST, 'two', at(6, 2))];
  const three = update(FIRST, 'three', at(7, 3));
  const before = replay(policy, historyOf(one, two)).conflicts;
  const now = replay(policy, historyOf(one, two, three)).conflicts;
  assert.deepEqual(
    newConflicts(before, now).map(({ of }) => of),
    [at(7, 3)],
  );
  // The first of all arrives last: both others are decided anew.
  const late = update(FIRST, 'zero', at(4, 3));
  const all = replay(policy, historyOf(one, two, late)).conflicts;
  assert.equal(newConflicts(before, all).length, 2);
});

test('an update that wrote no stamp is no change', () => {
  assert.equal(stampOf({ before: FIRST, after: { ...FIRST } }), undefined);
  assert.equal(stampOf({ after: FIRST }), at(1, 3));
  assert.equal(stampOf(deleted(FIRST, at(5, 1))), at(5, 1));
});

test('a mean is rounded as numeric is, half away from zero, and exact without a scale', () => {
  const cases: [one: Value, other: Value, scale: number | undefined, mean: string | undefined][] = [
    ['1', '2', 0, '2'],
    ['-1', '-2', 0, '-2'],
    ['-1', '0', 0, '-1'],
    ['1', '-1', 0, '0'],
    ['0', '-1', undefined, '-0.5'],
    ['0.01', '0.02', 2, '0.02'],
    ['1.10', '1.30', undefined, '1.20'],
    ['5', '5', 2, '5.00'],
    ['99999999999999999999', '1', 0, '50000000000000000000'],
    [null, '1', 0, undefined],
    ['NaN', '1', 0, undefined],
  ];
  for (const [one, other, scale, mean] of cases) {
    assert.equal(meanOf(one, other, scale), mean, `${one} ${other}`);
    assert.equal(meanOf(other, one, scale), mean);
  }
});
