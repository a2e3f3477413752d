import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatArray, parseArray } from './array-text.ts';
import { merge } from './merge.ts';
import type { MergePolicy, RowVersion, Value } from './types.ts';

test('the text form of arrays is read and written as PostgreSQL does', () => {
  const cases: [text: string, elements: string[]][] = [
    ['{}', []],
    ['{a}', ['a']],
    ['{a,"b c",""}', ['a', 'b c', '']],
    [String.raw`{"q\"\\","{x,y}"}`, ['q"\\', '{x,y}']],
    ['{"NULL","null",nul}', ['NULL', 'null', 'nul']],
  ];
  for (const [text, elements] of cases) {
    assert.deepEqual(parseArray(text), elements);
    assert.equal(formatArray(elements), text);
  }
  assert.deepEqual(parseArray('[0:2]={a,NULL,b}'), ['a', 'b'], 'bounds, and no element');
});

function policyOf(method: 'add-wins' | 'remove-wins'): MergePolicy {
  const set = { numbers: false, empty: '{}' };
  return { groups: [{ name: 'g', method, columns: [0, 1], set }] };
}

const row = (stamp: bigint, array: Value, tags: Value = null): RowVersion => ({
  ...{ birth: 10n, stamps: [stamp], values: [array, tags] },
});

interface Case {
  name: string;
  method?: 'add-wins' | 'remove-wins';
  current: RowVersion;
  before: RowVersion;
  after: RowVersion;
  ends: [array: Value, tags: Value, stamp: bigint];
  conflict?: RegExp;
}

const CASES: Case[] = [
  {
    name: 'what two sites add is there together',
    current: row(20n, '{a,b}', '{"+10 a","+20 b"}'),
    before: row(10n, '{a}'),
    after: row(15n, '{a,c}', '{"+10 a","+15 c"}'),
    ends: ['{a,b,c}', '{"+10 a","+15 c","+20 b"}', 20n],
  },
  {
    name: 'what two sites remove is gone, and nothing needs tags any more',
    current: row(20n, '{a,c}', '{"+10 a","+10 c"}'),
    before: row(10n, '{a,b,c}'),
    after: row(25n, '{a,b}'),
    ends: ['{a}', null, 25n],
  },
  {
    name: 'an element that two sites added is there until both additions were seen and removed',
    current: row(20n, '{a}', '{"+15 a","+20 a"}'),
    before: row(15n, '{a}', '{"+15 a"}'),
    after: row(16n, '{}'),
    ends: ['{a}', '{"+20 a"}', 20n],
    conflict: /^update g add-wins local 20 16 .*they stay: a$/,
  },
  {
    name: 'equal stamps do not stop a change: the sets behind them may differ',
    current: row(20n, '{a}', '{"+20 a"}'),
    before: row(20n, '{b}', '{"+12 b"}'),
    after: row(21n, '{b,c}', '{"+12 b","+21 c"}'),
    ends: ['{a,c}', '{"+20 a","+21 c"}', 21n],
  },
  {
    name: 'an element that is removed and added again at one site survives its removal at another',
    current: row(20n, '{}'),
    before: row(10n, '{a}'),
    after: row(15n, '{a}', '{"+15 a"}'),
    ends: ['{a}', '{"+15 a"}', 20n],
    conflict: /^update g add-wins remote 20 15 .*they stay: a$/,
  },
  {
    name: 'where removals win, one that the addition has not seen keeps the element out',
    method: 'remove-wins',
    current: row(20n, '{}', '{"-20 a"}'),
    before: row(12n, '{}', '{"-12 a"}'),
    after: row(15n, '{a}', '{"+15 a"}'),
    ends: ['{}', '{"+15 a","-20 a"}', 20n],
    conflict: /^update g remove-wins local 20 15 .*they are gone: a$/,
  },
  {
    name: 'where removals win, one that arrives takes the addition that it has not seen',
    method: 'remove-wins',
    current: row(20n, '{a}', '{"+10 a","+20 a"}'),
    before: row(10n, '{a}'),
    after: row(15n, '{}', '{"-15 a"}'),
    ends: ['{}', '{"+20 a","-15 a"}', 20n],
    conflict: /^update g remove-wins remote 20 15 .*they are gone: a$/,
  },
  {
    name: 'an addition that has seen every removal brings the element back',
    method: 'remove-wins',
    current: row(20n, '{}', '{"-12 a","-20 a"}'),
    before: row(20n, '{}', '{"-12 a","-20 a"}'),
    after: row(25n, '{a}', '{"+25 a"}'),
    ends: ['{a}', '{"+25 a"}', 25n],
  },
  {
    name: 'a set that is absent is empty',
    current: row(10n, null),
    before: row(10n, null),
    after: row(15n, '{a}', '{"+15 a"}'),
    ends: ['{a}', '{"+15 a"}', 15n],
  },
];

for (const { name, method = 'add-wins', current, before, after, ends, conflict } of CASES) {
  test(name, () => {
    const result = merge(policyOf(method), { row: current }, { before, after });
    const { values, stamps } = result.state.row!;
    assert.deepEqual([...values, ...stamps], ends);
    const records = result.conflicts.map((one) => {
      const head = [one.type, one.group, one.method, one.winner, one.localStamp, one.remoteStamp];
      return `${head.join(' ')} ${one.reason}`;
    });
    if (conflict === undefined) assert.deepEqual(records, []);
    else assert.match(records.join('\n'), conflict);
  });
}

test('a record names a few elements, and of long ones the beginning', () => {
  const many = Array.from({ length: 9 }, (_, index) => `${index}${'x'.repeat(100)}`);
  const tags = formatArray(many.flatMap((one) => [`+10 ${one}`, `+20 ${one}`]).toSorted());
  const current = row(20n, formatArray(many), tags);
  const change = { before: row(10n, formatArray(many)), after: row(15n, '{}') };
  const [conflict] = merge(policyOf('add-wins'), { row: current }, change).conflicts;
  assert.match(conflict!.reason, /: 0x{59}…, .* and 4 more$/);
  assert.equal(conflict!.elements!.length, 9);
  const secret = policyOf('add-wins');
  secret.groups[0]!.set!.secret = true;
  const [hidden] = merge(secret, { row: current }, change).conflicts;
  assert.match(hidden!.reason, /they stay: 9 secret$/);
});
