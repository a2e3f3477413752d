import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentLog } from '../base/log.ts';
import { decodeBatch, readBatch } from '../journal/batch.ts';
import type { Batch, Chunk } from '../journal/journal.ts';
import { Batcher } from './batcher.ts';
import type { CaptureOptions } from './capture-options.ts';
import { OwnNotes } from './own-notes.ts';
import type { Notes } from './own-notes.ts';

/* Messages as the PostgreSQL manual draws them (53.9). */

const u16 = (value: number): Buffer => {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
};
const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};
const u64 = (value: bigint): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(value);
  return bytes;
};
const z = (text: string): Buffer => Buffer.from(`${text}\0`);
const join = (...parts: (Buffer | string)[]): Buffer =>
  Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : part)));

const RELATION = join('R', u32(5), z('s'), z('t'), 'f', u16(1), '\x01', z('k'), u32(20), u32(0));
const TUPLE = join(u16(1), 'b', u32(8), u64(7n));
const insert = join('I', u32(5), 'N', TUPLE);
const begin = (xid: number): Buffer => join('B', u64(0n), u64(0n), u32(xid));
const commit = (end: bigint): Buffer => join('C', '\0', u64(end - 8n), u64(end), u64(1000n));
const origin = (name: string): Buffer => join('O', u64(0n), z(name));
const known = (text: string): Buffer =>
  join('M', '\0', u64(0n), z('crp.known'), u32(text.length), text);
const streamStart = (xid: number, first = true): Buffer =>
  join('S', u32(xid), first ? '\x01' : '\x00');
const streamed = (xid: number, message: Buffer): Buffer =>
  join(message.subarray(0, 1), u32(xid), message.subarray(1));
const streamCommit = (xid: number, end: bigint): Buffer =>
  join('c', u32(xid), '\0', u64(end - 8n), u64(end), u64(1000n));
const streamAbort = (xid: number, sub: number): Buffer => join('A', u32(xid), u32(sub));

function run(
  messages: Buffer[],
  after = 0n,
  notes?: Notes,
): { batches: Batch[]; chunks: Chunk[]; aborts: number[]; passedOver: string[] } {
  const passedOver: string[] = [];
  const result = {
    ...{ batches: [] as Batch[], chunks: [] as Chunk[], aborts: [] as number[], passedOver },
  };
  const types = new Map([[20, 'bigint']]);
  const batcher = new Batcher(
    {
      ...{ origin: 1, incarnation: 1, after, knowledge: new Map(), types, unshipped: new Map() },
      ...(notes === undefined ? {} : { notes }),
      passedOver: (table, by) => void passedOver.push(`${table} ${by}`),
    },
    {
      batch: (batch) => void result.batches.push(batch),
      chunk: (chunk) => void result.chunks.push(chunk),
      abort: (xid) => void result.aborts.push(xid),
    },
  );
  for (const message of messages) batcher.message(message, 0);
  batcher.flush();
  return result;
}

const heads = (batches: Batch[]): [bigint, bigint, number][] =>
  batches.map((batch) => [batch.previous, batch.last, decodeBatch(batch.bytes).transactions]);

test('transactions up to a pause are one batch, with their relation', () => {
  const { batches } = run([begin(1), RELATION, insert, commit(10n), begin(2), insert, commit(20n)]);
  assert.deepEqual(heads(batches), [[0n, 20n, 2]]);
  assert.equal(
    decodeBatch(batches[0]!.bytes).relations[0]?.relation.columns[0]?.typeName,
    'bigint',
  );
});

test('what another site made is left out, and so is what has no changes', () => {
  const messages = [
    ...[begin(1), origin('crp_2'), RELATION, insert, commit(10n)],
    ...[begin(2), commit(20n), begin(3), insert, commit(30n)],
  ];
  assert.deepEqual(heads(run(messages).batches), [[0n, 30n, 1]]);
});

test('a stream right after another site’s transaction is ours', () => {
  const { batches, chunks } = run([
    ...[begin(1), origin('crp_2'), RELATION, insert, commit(10n)],
    ...[streamStart(2), streamed(2, insert), Buffer.from('E'), streamCommit(2, 20n)],
  ]);
  assert.equal(chunks.length, 1);
  const stream = decodeBatch(batches[0]!.bytes).stream;
  assert.deepEqual(stream, { xid: 2, chunks: 1, aborted: [] });
});

test('a stream that another site made is left out whole, though only its first block says so (PostgreSQL 15)', () => {
  const { batches, chunks } = run([
    ...[
      streamStart(2),
      origin('crp_2'),
      streamed(2, RELATION),
      streamed(2, insert),
      Buffer.from('E'),
    ],
    ...[begin(1), insert, commit(10n)],
    ...[streamStart(2, false), streamed(2, insert), Buffer.from('E'), streamCommit(2, 20n)],
  ]);
  assert.equal(chunks.length, 0);
  assert.equal(batches.length, 1);
});

test('a stream that says itself that another site made it is left out, without an origin (PostgreSQL 15)', () => {
  const says = join('M', '\x01', u64(0n), z('crp.foreign'), u32(0));
  const { batches, chunks } = run([
    ...[streamStart(2), streamed(2, says), streamed(2, RELATION), streamed(2, insert)],
    ...[Buffer.from('E'), streamStart(2, false), streamed(2, insert), Buffer.from('E')],
    streamCommit(2, 20n),
  ]);
  assert.deepEqual([batches, chunks], [[], []]);
});

test('a rolled back subtransaction is named, a rolled back transaction ships nothing', () => {
  const { batches, aborts } = run([
    ...[streamStart(2), streamed(2, RELATION), streamed(2, insert), streamed(3, insert)],
    ...[Buffer.from('E'), streamAbort(2, 3), streamCommit(2, 20n)],
    ...[streamStart(4), streamed(4, insert), Buffer.from('E'), streamAbort(4, 4)],
  ]);
  assert.deepEqual(decodeBatch(batches[0]!.bytes).stream, { xid: 2, chunks: 1, aborted: [3] });
  assert.equal(batches.length, 1);
  assert.deepEqual(aborts, []);
});

test('notes that the agent did not write count for nothing: every role may write them', () => {
  const proof = 'f'.repeat(32);
  const journal = { position: (origin: number) => (origin === 3 ? 5n : 0n) };
  const options = { proof, serverMajor: 18, journal, log: silentLog() };
  const notes = new OwnNotes(options as unknown as CaptureOptions);
  const forged = [
    '2 1 99',
    `2 1 99 ${'0'.repeat(32)}`,
    '',
    'x',
    '2 1 -1',
    '1 1 1e9',
    '2 1',
    '3 1 6',
  ];
  const says = join('M', '\x01', u64(0n), z('crp.foreign'), u32(0));
  const { batches } = run(
    // The last one is of an earlier build.
    [
      ...[...forged, `2 1 77 ${proof}`, '3 1 5'].map(known),
      begin(1),
      says,
      RELATION,
      insert,
      commit(10n),
    ],
    0n,
    notes,
  );
  assert.deepEqual(
    [...decodeBatch(batches[0]!.bytes).knowledge],
    [
      [2, 77n],
      [3, 5n],
    ],
  );
});

test('a batch ends where the knowledge grows', () => {
  const { batches } = run([
    ...[begin(1), RELATION, insert, commit(10n), known('2 1 77'), begin(2), insert, commit(20n)],
  ]);
  assert.deepEqual(heads(batches), [
    [0n, 10n, 1],
    [10n, 20n, 1],
  ]);
  assert.deepEqual(
    batches.map((batch) => [...decodeBatch(batch.bytes).knowledge]),
    [[], [[2, 77n]]],
  );
});

test('a message of our prefix that says nothing is passed over, whoever wrote it', () => {
  const strange = [
    'nonsense',
    '',
    '2 1',
    '2 1 -5',
    '2 1 5'.padEnd(200),
    '2 1 99999999999999999999999',
  ];
  const { batches } = run([begin(1), RELATION, insert, commit(10n), ...strange.map(known)]);
  assert.deepEqual(heads(batches), [[0n, 10n, 1]]);
  assert.deepEqual([...decodeBatch(batches[0]!.bytes).knowledge], []);
});

test('what the journal has already is not captured again', () => {
  const messages = [begin(1), RELATION, insert, commit(10n), begin(2), insert, commit(20n)];
  assert.deepEqual(heads(run(messages, 10n).batches), [[10n, 20n, 1]]);
});

test('what is not in the WAL is passed over, and said: TRUNCATE, and rows without what they were', () => {
  const remove = join('D', u32(5), 'K', TUPLE);
  const update = join('U', u32(5), 'N', TUPLE);
  const truncate = join('T', u32(1), '\0', u32(5));
  const { batches, passedOver } = run([
    ...[begin(1), RELATION, truncate, insert, update, remove, commit(10n)],
  ]);
  assert.deepEqual(heads(batches), [[0n, 10n, 1]]);
  assert.equal(decodeBatch(batches[0]!.bytes).changes, 1);
  assert.deepEqual(passedOver, ['s.t truncate', 's.t replica identity', 's.t replica identity']);
});

test('a tombstone is shipped without the row before', () => {
  const relation = join(
    'R',
    u32(5),
    z('crp'),
    z('t'),
    'd',
    u16(1),
    '\x01',
    z('k'),
    u32(20),
    u32(0),
  );
  const update = join('U', u32(5), 'N', TUPLE);
  const { batches, passedOver } = run([begin(1), relation, update, commit(10n)]);
  assert.deepEqual(heads(batches), [[0n, 10n, 1]]);
  assert.deepEqual(passedOver, []);
});

test('bytes that are no batch are refused', () => {
  assert.throws(() => decodeBatch(Buffer.from('SLB1')), { code: 'BATCH_DAMAGED' });
  assert.throws(() => decodeBatch(Buffer.from('XXXXXXXXXX')), { code: 'BATCH_DAMAGED' });
  const { bytes } = run([begin(1), RELATION, insert, commit(10n)]).batches[0]!;
  assert.equal(readBatch(1, bytes).last, 10n);
  assert.throws(() => readBatch(2, bytes), {
    code: 'BATCH_DAMAGED',
    message: /of site 1, not of 2/,
  });
});
