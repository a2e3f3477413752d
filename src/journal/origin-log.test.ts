import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Batch, Entry } from './journal.ts';
import { OriginLog } from './origin-log.ts';

/** A short batch that ends at the position. */
function batchAt(last: number): Batch {
  const bytes = Buffer.allocUnsafe(64).fill(0);
  return {
    ...{ origin: 1, incarnation: 1 },
    previous: BigInt(last - 1),
    last: BigInt(last),
    bytes,
  };
}

/** Adds batches that are stored at once. */
function logOf(count: number): OriginLog {
  const log = new OriginLog();
  for (let last = 1; last <= count; last++) log.stored(log.add(batchAt(last)));
  return log;
}

/** Where a follower that has nothing finds its first batch. */
async function firstFrom(log: OriginLog): Promise<'memory' | 'store'> {
  const store: Batch = batchAt(1);
  const entries = log.follow(
    0n,
    { signal: new AbortController().signal },
    { batch: () => store, chunk: () => undefined },
  );
  for await (const entry of entries as AsyncIterable<Entry>) {
    return entry.kind === 'batch' && entry.batch === store ? 'store' : 'memory';
  }
  throw new Error('no batch');
}

test('of short batches, of which each may hold a slab of memory, only some stay in it', async () => {
  assert.equal(await firstFrom(logOf(1_000)), 'memory');
  assert.equal(await firstFrom(logOf(2_000)), 'store');
});

test('what was trimmed is not in memory either, what comes after it is', async () => {
  const log = logOf(10);
  log.trimmed(9n);
  assert.equal(log.newest?.last, 10n);
  assert.equal(await firstFrom(log), 'store');
  log.trimmed(10n);
  assert.equal(log.newest, undefined);
});

test('a batch that is not on disk stays', () => {
  const log = logOf(1);
  const entry = log.add(batchAt(2));
  log.trimmed(2n);
  assert.equal(log.newest?.last, 2n);
  log.stored(entry);
  log.trimmed(2n);
  assert.equal(log.newest, undefined);
});
