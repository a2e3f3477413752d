import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Beacon } from '../../apply/beacon.ts';
import { STAMP_EPOCH_MS } from '../../merge/stamps.ts';
import { followWith } from './follow.ts';

test('the floor is raised no further ahead of the clock than the allowed drift', async () => {
  const limits: bigint[] = [];
  const raise = (_stamp: bigint, limit: bigint): Promise<boolean> => {
    limits.push(limit);
    return Promise.resolve(true);
  };
  const before = Date.now() - STAMP_EPOCH_MS;
  assert.equal(await followWith({ raise } as unknown as Beacon, 1000)(1n << 11n), true);
  const after = Date.now() - STAMP_EPOCH_MS;
  assert.ok(limits[0]! >= BigInt(before + 1000) * 1000n);
  assert.ok(limits[0]! <= BigInt(after + 1000) * 1000n);
});
