import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UnderWay } from './under-way.ts';

test('what a peer has said it has is under way until it is here', () => {
  let now = 0;
  const underWay = new UnderWay(() => now);
  assert.equal(underWay.seconds(0n), 0);
  underWay.heard(100n);
  now = 10_000;
  underWay.heard(200n);
  // A site that is held up says the same again, or nothing.
  underWay.heard(200n);
  underWay.heard(0n);
  now = 15_000;
  assert.equal(underWay.seconds(50n), 15);
  assert.equal(underWay.seconds(100n), 5);
  assert.equal(underWay.seconds(200n), 0);
  assert.equal(underWay.seconds(200n), 0);
});

test('of a peer from which nothing comes for hours the oldest is kept, and not all', () => {
  let now = 0;
  const underWay = new UnderWay(() => now);
  for (let position = 1n; position <= 5_000n; position++) {
    underWay.heard(position);
    now += 10_000;
  }
  assert.equal(underWay.seconds(0n), 50_000);
  assert.equal(underWay.seconds(5_000n), 0);
});
