import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Reading } from '../postgres/slot-calls.ts';
import { CallSource, restAfter } from './call-source.ts';
import type { Feed } from './source.ts';

/** A source whose calls read what is given, one after the other, and what it did with them. */
async function run(
  readings: readonly Reading[],
  isBusy: (calls: number) => boolean = () => false,
): Promise<{ source: CallSource; calls: number; readTo: bigint }> {
  let calls = 0;
  let readTo = 0n;
  const feed: Feed = {
    message: () => undefined,
    flush: () => undefined,
    waiting: 0,
    large: false,
    get busy() {
      return isBusy(calls);
    },
    readTo: (position) => void (readTo = position),
    came: () => undefined,
    looked: () => undefined,
    settled: true,
    advance: () => ({ position: readTo, moved: false }),
    fail: assert.fail,
  };
  const source = await CallSource.open(
    {
      calls: {
        begin: () => Promise.resolve(),
        read: () => Promise.resolve(readings[calls++]!),
        confirm: () => Promise.resolve(),
        logRunning: () => Promise.resolve(),
        pause: () => undefined,
        resume: () => undefined,
      },
      after: 0n,
    },
    feed,
  );
  await source.run();
  source.close();
  return { source, calls, readTo };
}

const MIB = 1024n * 1024n;

test('a backlog is read call by call, without a pause, until too much would be read again', async () => {
  const { source, calls, readTo } = await run([
    { end: 16n * MIB, flushed: 64n * MIB, more: true, again: 0n, synchronous: false },
    { end: 32n * MIB, flushed: 64n * MIB, more: true, again: 200n * MIB, synchronous: false },
    { end: 48n * MIB, flushed: 64n * MIB, more: true, again: 300n * MIB, synchronous: false },
  ]);
  assert.equal(calls, 3);
  assert.equal(readTo, 48n * MIB);
  assert.equal(source.uselessMs, 60_000);
});

test('a large transaction in progress ends it, and what the call read to does not count', async () => {
  const readings = [
    { end: 16n * MIB, flushed: 64n * MIB, more: true, again: 0n, synchronous: false },
    { end: 32n * MIB, flushed: 64n * MIB, more: true, again: 0n, synchronous: false },
  ];
  const { source, readTo } = await run(readings, (calls) => calls === 2);
  assert.equal(readTo, 16n * MIB);
  assert.equal(source.uselessMs, 5000);
});

test('a call is followed by nine times what it took, 100 to 300 ms', () => {
  assert.deepEqual([1, 20, 80].map(restAfter), [100, 180, 300]);
});
