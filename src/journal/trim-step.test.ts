import assert from 'node:assert/strict';
import { test } from 'node:test';
import { batchKey } from './journal-keys.ts';
import { trimStep } from './trim-step.ts';

const keys = Array.from({ length: 1000 }, (_, at) => batchKey(1, BigInt(at + 1)));
const MIB = 1024 * 1024;

/** Batches of so many bytes that end up to a position: how many of them go at once. */
const STEPS: [size: number, upTo: bigint, together: number][] = [
  [100, 0n, 0],
  [100, 7n, 7],
  [100, 1000n, 200],
  [10 * MIB, 1000n, 7],
  [100 * MIB, 1000n, 1],
];

for (const [size, upTo, together] of STEPS) {
  test(`of batches of ${size} bytes up to ${upTo} ${together} are deleted together`, () => {
    assert.deepEqual(trimStep(keys, { upTo, size: () => size }), keys.slice(0, together));
  });
}
