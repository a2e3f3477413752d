import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KeyProbe } from './key-probe.ts';
import { NetRows } from './net-rows.ts';
import type { Images, TupleRef } from './net-rows.ts';
import { newFields, readTuple } from './tuple.ts';

/** A tuple of a text and a number, which are the key, in one buffer with others as in a batch. */
function tuple(text: string, number: number): TupleRef {
  const value = Buffer.from(text);
  const head = Buffer.alloc(16 + value.length);
  const offset = head.length - 7 - value.length - 9 + 2;
  const bytes = Buffer.concat([head, Buffer.alloc(16 + value.length)]);
  bytes.writeUInt16BE(2, offset);
  bytes[offset + 2] = 0x62;
  bytes.writeUInt32BE(value.length, offset + 3);
  value.copy(bytes, offset + 7);
  const next = offset + 7 + value.length;
  bytes[next] = 0x62;
  bytes.writeUInt32BE(4, next + 1);
  bytes.writeInt32BE(number, next + 5);
  return { bytes, offset };
}

const PROBE = new KeyProbe();
const FIELDS = newFields();

function probe({ bytes, offset }: TupleRef): KeyProbe {
  readTuple(bytes, offset, FIELDS);
  return PROBE.set(bytes, FIELDS, [0, 1]);
}

function inserted(after: TupleRef): Images {
  return { before: undefined, after, key: after };
}

test('rows are found by all of their key while the table grows', () => {
  const rows = new NetRows([0, 1]);
  // The same bytes in another division, and keys that differ in one field only.
  const keys = ['', 'a', 'ab', 'abc', 'b'].flatMap((text) =>
    Array.from({ length: 2000 }, (_, number) => [text, number] as const),
  );
  for (const [text, number] of keys) {
    const after = tuple(text, number);
    assert.equal(rows.find(probe(after)), -1);
    rows.add(probe(after), inserted(after));
  }
  assert.equal(rows.size, keys.length);
  for (const [index, [text, number]] of keys.entries()) {
    assert.equal(rows.find(probe(tuple(text, number))), index);
  }
  assert.equal(rows.find(probe(tuple('abcd', 1))), -1);
});

test('what follows from before, after and tombstone is the kind', () => {
  const rows = new NetRows([0, 1]);
  const [old, next, last] = [tuple('x', 1), tuple('x', 1), tuple('x', 1)];
  const row = rows.add(probe(next), { before: old, after: next, key: next });
  assert.equal(rows.op(row), 'U');
  rows.setAfter(row, undefined);
  assert.equal(rows.op(row), 'D');
  rows.setDeleted(row, { birth: 1n, stamp: 2n }, last);
  assert.equal(rows.op(row), 'D');
  rows.setAfter(row, next);
  assert.equal(rows.op(row), undefined);
  assert.deepEqual(rows.row(row), {
    ...{ before: old, after: next, key: next },
    deleted: { birth: 1n, stamp: 2n },
    found: last,
  });
  const insert = rows.append(inserted(next));
  assert.equal(rows.op(insert), 'I');
  rows.setAfter(insert, undefined);
  assert.equal(rows.op(insert), undefined);
  assert.deepEqual(
    [...rows.values()].map(({ after }) => after),
    [next, undefined],
  );
});
