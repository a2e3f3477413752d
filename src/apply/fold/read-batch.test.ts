import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CHANGE, decodeBatch } from '../../journal/batch.ts';
import { encodeBatch } from '../../journal/batch-encode.ts';
import type { EntityPlan } from '../rows/relation.ts';
import { Fold } from './fold.ts';
import { foldBatch } from './read-batch.ts';

/** Of a table with a text as key, its birth and no column group. */
const PLAN = {
  ...{ kind: 'entity', id: 1, fieldCount: 2, fieldOf: [0, 1], key: [0], birth: 1, stamps: [1] },
  shape: { entity: { name: 'word', groups: [] }, columns: [] },
} as unknown as EntityPlan;

/** An insert of a row, with a number of bytes that is said of its text. */
function insert(text: string, said = text.length, relation = 0): Buffer {
  const row = Buffer.alloc(2 + 5 + text.length + 13);
  row.writeUInt16BE(2, 0);
  row.write('b', 2);
  row.writeInt32BE(said, 3);
  row.write(text, 7);
  row.write('b', 7 + text.length);
  row.writeInt32BE(8, 8 + text.length);
  const head = Buffer.alloc(7);
  head[0] = CHANGE.insert;
  head.writeUInt32BE(2 + row.length, 1);
  head.writeUInt16BE(relation, 5);
  return Buffer.concat([head, row]);
}

function fold(...changes: Buffer[]): number {
  const begin = Buffer.alloc(25);
  begin[0] = CHANGE.begin;
  begin.writeUInt32BE(20, 1);
  begin.writeBigUInt64BE(10n, 5);
  const batch = encodeBatch({
    ...{
      origin: 1,
      incarnation: 1,
      previous: 0n,
      last: 10n,
      time: 0n,
      transactions: 1,
      changes: 1,
    },
    ...{ knowledge: new Map(), relations: [], body: Buffer.concat([begin, ...changes]) },
  });
  return foldBatch(new Fold(), decodeBatch(batch.bytes), { plans: [PLAN], after: 0n });
}

test('rows end where their changes end', () => {
  assert.equal(fold(insert('a'), insert('bc')), 1);
});

/** Of a member whose program is broken. Without the check the value would be made of bytes of the next change. */
const BROKEN: [what: string, changes: Buffer[]][] = [
  ['a value is longer than its change', [insert('a', 40), insert('bc'), insert('de')]],
  ['a value is longer than the batch', [insert('a', 4000)]],
  ['a value is shorter than it is', [insert('abbb', 1), insert('bc')]],
  ['a value has less than no bytes', [insert('a', -40), insert('bc')]],
  ['a change is of a relation that is not there', [insert('a', 1, 7)]],
];

for (const [what, changes] of BROKEN) {
  test(`a batch in which ${what} is refused`, () => {
    assert.throws(() => fold(...changes), { message: /BATCH_DAMAGED|cannot be read|text form/ });
  });
}
