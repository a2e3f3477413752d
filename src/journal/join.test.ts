import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeBatch } from './batch.ts';
import { encodeBatch, encodeRelation } from './batch-encode.ts';
import { Joining } from './join.ts';

const relation = encodeRelation({
  schema: 's',
  name: 't',
  columns: [{ name: 'k', typeName: 'bigint', oid: 20, key: true }],
});

function batch(previous: bigint, last: bigint, change: Partial<Parameters<typeof encodeBatch>[0]>) {
  return encodeBatch({
    ...{ origin: 1, incarnation: 1, previous, last, time: last, transactions: 1, changes: 2 },
    ...{ knowledge: new Map([[3, 7n]]), relations: [relation], body: Buffer.from(`body${last}`) },
    ...change,
  }).bytes;
}

test('consecutive batches of the same knowledge and relations become one', () => {
  const joining = new Joining(batch(0n, 10n, {}));
  assert.equal(joining.add(batch(10n, 20n, {})), true);
  assert.equal(joining.add(batch(20n, 30n, {})), true);
  const joined = decodeBatch(joining.bytes());
  assert.deepEqual(
    [joined.previous, joined.last, joined.time, joined.transactions, joined.changes],
    [0n, 30n, 30n, 3, 6],
  );
  assert.deepEqual(joined.knowledge, new Map([[3, 7n]]));
  assert.equal(joined.relations.length, 1);
  assert.equal(joined.bytes.toString('latin1', joined.offset), 'body10body20body30');
});

test('what differs, has a gap, commits a stream or is too large stays apart', () => {
  const stream = { stream: { xid: 5, chunks: 1, aborted: [] }, body: Buffer.alloc(0) };
  const others = [
    batch(11n, 20n, {}),
    batch(10n, 20n, { knowledge: new Map([[3, 8n]]) }),
    batch(10n, 20n, { relations: [] }),
    batch(10n, 20n, { incarnation: 2 }),
    batch(10n, 20n, { body: Buffer.alloc(300 * 1024) }),
    batch(10n, 20n, stream),
  ];
  for (const other of others) assert.equal(new Joining(batch(0n, 10n, {})).add(other), false);
  assert.equal(new Joining(batch(0n, 10n, stream)).add(batch(10n, 20n, {})), false);
});
