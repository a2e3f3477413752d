import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WriteLedger } from './write-ledger.ts';
import type { Group, Row } from './write-ledger.ts';

/** A write as `value began acknowledged`. */
type Text = string;

function ledgerOf(writes: Partial<Record<Group, Text[]>>): WriteLedger {
  const ledger = new WriteLedger();
  for (const [group, texts] of Object.entries(writes) as [Group, Text[]][]) {
    for (const text of texts) {
      const [value, began, acknowledged] = text.split(' ');
      const times = { began: Number(began), acknowledged: Number(acknowledged) };
      ledger.add({ address: 7, group, value: value!, ...times });
    }
  }
  return ledger;
}

const at7 = (row: Row): Map<number, Row> => new Map([[7, row]]);

for (const [promise, writes, expected] of [
  ['a single write', ['a 1 2'], ['a']],
  ['of two after each other the later', ['a 1 2', 'b 3 4'], ['b']],
  ['the same, noted in the other order', ['b 3 4', 'a 1 2'], ['b']],
  ['of two at the same time either', ['a 1 3', 'b 2 4'], ['a', 'b']],
  ['one within another: either', ['a 1 9', 'b 2 3'], ['a', 'b']],
  [
    'a long one over two after each other: not the first of them',
    ['a 1 9', 'b 2 3', 'c 4 5'],
    ['a', 'c'],
  ],
  ['one that began when the other was acknowledged: either', ['a 1 2', 'b 2 3'], ['a', 'b']],
] as const) {
  test(`expected is ${promise}`, () => {
    const ledger = ledgerOf({ name: [...writes] });
    assert.deepEqual(ledger.expected(7, 'name').toSorted(), [...expected]);
    assert.equal(ledger.count, writes.length);
  });
}

test('an earlier write in place of a later one is a lost update', () => {
  const ledger = ledgerOf({ name: ['a 1 2', 'b 3 4'] });
  assert.deepEqual(ledger.lost(at7({ binding: '', name: 'b' })), []);
  assert.deepEqual(ledger.lost(at7({ binding: '', name: 'a' })), [{ address: 7, group: 'name' }]);
});

test('a write to other columns takes nothing away: both must be there', () => {
  const ledger = ledgerOf({ name: ['a 1 2'], binding: ['b 3 4'] });
  assert.deepEqual(ledger.lost(at7({ binding: 'b', name: 'a' })), []);
  assert.deepEqual(ledger.lost(at7({ binding: 'b', name: 'old' })), [
    { address: 7, group: 'name' },
  ]);
});

test('a row that is gone has lost each of its columns', () => {
  const ledger = ledgerOf({ name: ['a 1 2'], binding: ['b 3 4'] });
  assert.equal(ledger.lost(new Map()).length, 2);
  assert.deepEqual(ledger.addresses(), [7]);
});

test('columns that nobody wrote may have anything', () => {
  assert.deepEqual(ledgerOf({ name: ['a 1 2'] }).expected(7, 'binding'), []);
});
