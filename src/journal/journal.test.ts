import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { encodeBatch } from './batch-encode.ts';
import type { Batch, Chunk, Entry, Journal } from './journal.ts';
import { LmdbJournal } from './journal-lmdb.ts';

let folder: string;
let journal: Journal;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'crp-journal-'));
  journal = LmdbJournal.open({ path: folder, quotaBytes: 1_000_000 });
});

afterEach(async () => {
  await journal.close();
  rmSync(folder, { recursive: true });
});

function batch(previous: bigint, last: bigint, size = 10): Batch {
  return encodeBatch({
    ...{ origin: 1, incarnation: 1, previous, last, time: last + 5n, transactions: 1, changes: 0 },
    ...{ knowledge: new Map(), relations: [], body: Buffer.alloc(size) },
  });
}

async function take(count: number, after: bigint, streams = false): Promise<Entry[]> {
  const stop = new AbortController();
  const entries: Entry[] = [];
  for await (const entry of journal.follow(1, after, { signal: stop.signal, streams })) {
    entries.push(entry);
    if (entries.length === count) stop.abort();
  }
  return entries;
}

const ends = (entries: Entry[]): bigint[] =>
  entries.map((entry) => (entry.kind === 'batch' ? entry.batch.last : -1n));

test('batches are followed in order, from memory and from the store alike', async () => {
  await journal.append(batch(0n, 10n));
  await journal.append(batch(10n, 20n));
  assert.deepEqual(ends(await take(2, 0n)), [10n, 20n]);
  await journal.close();
  journal = LmdbJournal.open({ path: folder, quotaBytes: 1_000_000 });
  assert.equal(journal.position(1), 20n);
  assert.equal(journal.durable(1), 20n);
  assert.deepEqual(ends(await take(1, 10n)), [20n]);
});

test('a follower waits for what comes', async () => {
  const waiting = take(2, 0n);
  await journal.append(batch(0n, 10n));
  await journal.append(batch(10n, 20n));
  assert.deepEqual(ends(await waiting), [10n, 20n]);
});

test('a batch after a gap is refused, one that is there already is ignored', async () => {
  await journal.append(batch(0n, 10n));
  await journal.append(batch(0n, 10n));
  await assert.rejects(journal.append(batch(11n, 20n)), { code: 'JOURNAL_GAP' });
  assert.equal(journal.position(1), 10n);
  assert.equal(journal.stats().batches, 1);
});

test('a full journal refuses and takes again when space was freed', async () => {
  await journal.append(batch(0n, 10n, 600_000));
  await assert.rejects(journal.append(batch(10n, 20n, 600_000)), { code: 'JOURNAL_FULL' });
  assert.equal(await journal.trim(1, 10n), 1);
  await journal.append(batch(10n, 20n, 600_000));
  assert.equal(journal.position(1), 20n);
});

test('what was trimmed cannot be followed, the rest can, also after a restart', async () => {
  await journal.append(batch(0n, 10n));
  await journal.append(batch(10n, 20n));
  await journal.trim(1, 10n);
  await journal.close();
  journal = LmdbJournal.open({ path: folder, quotaBytes: 1_000_000 });
  assert.equal(journal.oldest(1), 10n);
  assert.throws(() => journal.follow(1, 0n, { signal: AbortSignal.abort() }), {
    code: 'JOURNAL_TRIMMED',
  });
  assert.deepEqual(ends(await take(1, 10n)), [20n]);
});

test('chunks of a stream are delivered while it runs, and are gone after an abort', async () => {
  const waiting = take(2, 0n, true);
  const chunk = { origin: 1, xid: 7, number: 0, bytes: Buffer.from('x') };
  await journal.appendChunk(chunk);
  assert.equal([...journal.chunks(1, 7, 0)].length, 1);
  await journal.abortStream(1, 7);
  assert.deepEqual(
    (await waiting).map((entry) => entry.kind),
    ['chunk', 'abort'],
  );
  assert.equal([...journal.chunks(1, 7, 0)].length, 0);
  assert.equal(journal.stats().bytes, 0);
});

test('a new site starts at its base copy', async () => {
  await journal.startAt(1, 100n);
  await assert.rejects(journal.append(batch(101n, 110n)), { code: 'JOURNAL_GAP' });
  await journal.append(batch(100n, 110n));
  assert.deepEqual(ends(await take(1, 100n)), [110n]);
});

test('notes survive', async () => {
  await journal.setNote('a', 'b');
  await journal.close();
  journal = LmdbJournal.open({ path: folder, quotaBytes: 1_000_000 });
  assert.equal(journal.getNote('a'), 'b');
  assert.equal(journal.getNote('c'), undefined);
});

test('chunks of a transaction in progress are gone after a restart, those of a committed one are not', async () => {
  const chunk = (xid: number, number: number): Chunk => ({
    ...{ origin: 1, xid, number, bytes: Buffer.from(`${xid}/${number}`) },
  });
  for (const id of [chunk(7, 0), chunk(7, 1), chunk(8, 0)]) await journal.appendChunk(id);
  const commit = encodeBatch({
    ...{
      origin: 1,
      incarnation: 1,
      previous: 0n,
      last: 10n,
      time: 0n,
      transactions: 1,
      changes: 1,
    },
    ...{ knowledge: new Map(), relations: [], body: Buffer.alloc(0) },
    stream: { xid: 8, chunks: 1, aborted: [] },
  });
  await journal.append(commit);
  await journal.close();
  journal = LmdbJournal.open({ path: folder, quotaBytes: 1_000_000 });
  assert.equal([...journal.chunks(1, 7, 0)].length, 0);
  assert.equal([...journal.chunks(1, 8, 0)].length, 1);
  assert.equal(journal.stats().bytes, commit.bytes.length + chunk(8, 0).bytes.length);
});

test('a committed stream that is decoded again changes nothing', async () => {
  const chunk = { origin: 1, xid: 8, number: 0, bytes: Buffer.from('first') };
  await journal.appendChunk(chunk);
  await journal.append(
    encodeBatch({
      ...{ origin: 1, incarnation: 1, previous: 0n, last: 10n, time: 0n, transactions: 1 },
      ...{ changes: 1, knowledge: new Map(), relations: [], body: Buffer.alloc(0) },
      stream: { xid: 8, chunks: 1, aborted: [] },
    }),
  );
  await journal.appendChunk({ ...chunk, bytes: Buffer.from('again') });
  await journal.abortStream(1, 8);
  assert.deepEqual(
    [...journal.chunks(1, 8, 0)].map(({ bytes }) => bytes.toString()),
    ['first'],
  );
});

test('a stream that begins again is given from its beginning, after an abort', async () => {
  const waiting = take(4, 0n, true);
  for (const number of [0, 1, 0]) {
    await journal.appendChunk({ origin: 1, xid: 7, number, bytes: Buffer.from('x') });
  }
  const kinds = (await waiting).map((entry) => entry.kind);
  assert.deepEqual(kinds, ['chunk', 'chunk', 'abort', 'chunk']);
});

test('a batch that the disk damaged is not given to anybody', async () => {
  await journal.append(batch(0n, 10n, 3000));
  await journal.close();
  const file = join(folder, 'journal.lmdb');
  const bytes = readFileSync(file);
  // In the body, wherever LMDB has put it.
  const found = bytes.indexOf('SLB1');
  assert.ok(found > 0);
  bytes[found + 1000] = 1;
  writeFileSync(file, bytes);
  journal = LmdbJournal.open({ path: folder, quotaBytes: 1_000_000 });
  await assert.rejects(take(1, 0n), { code: 'JOURNAL_DAMAGED' });
});

test('a batch that cannot be read is shown to nobody, and what follows is stored', async () => {
  const broken = batch(0n, 10n);
  // It commits a stream, and ends before it says which.
  broken.bytes[4] = 1;
  await assert.rejects(journal.append(broken), { code: 'BATCH_DAMAGED' });
  assert.equal(journal.position(1), 0n);
  await journal.append(batch(0n, 10n));
  assert.deepEqual(ends(await take(1, 0n)), [10n]);
});

test('the time of the newest transaction is known in memory, from the store, and when all is trimmed', async () => {
  const reopened = async (): Promise<void> => {
    await journal.close();
    journal = LmdbJournal.open({ path: folder, quotaBytes: 1_000_000 });
  };
  assert.equal(journal.time(1), undefined);
  await journal.append(batch(0n, 10n));
  assert.equal(journal.time(1), 15n);
  await reopened();
  assert.equal(journal.time(1), 15n);
  await journal.trim(1, 10n);
  await reopened();
  assert.equal(journal.time(1), 15n);
  await journal.startAt(1, 20n);
  assert.equal(journal.time(1), undefined);
});

test('a disk without room is noticed before anything is written, and the journal goes on when there is some', async () => {
  const MIB = 1024 * 1024;
  let free = 3 * MIB;
  const full = { path: join(folder, 'full'), quotaBytes: 1_000_000, free: () => free };
  const isRefused = { code: 'JOURNAL_FULL', message: /3 MiB are free on the disk of ".*full"/ };
  assert.throws(() => LmdbJournal.open(full), isRefused);
  free = 100 * MIB;
  const other = LmdbJournal.open(full);
  try {
    await other.append(batch(0n, 10n));
    free = 3 * MIB;
    const second = other.append(batch(10n, 20n));
    await assert.rejects(other.flush(), isRefused);
    await assert.rejects(other.append(batch(20n, 30n)), { code: 'JOURNAL_FULL', retry: 'later' });
    await assert.rejects(other.trim(1, 10n), isRefused);
    assert.equal(other.durable(1), 10n);
    free = 100 * MIB;
    await second;
    assert.equal(await other.trim(1, 10n), 1);
    assert.deepEqual([other.durable(1), other.stats().batches], [20n, 1]);
  } finally {
    await other.close();
  }
});
