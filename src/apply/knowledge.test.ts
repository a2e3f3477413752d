import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Knowledge } from './knowledge.ts';

test('what a crash of the database took back is not known any more', () => {
  const knowledge = new Knowledge(1);
  knowledge.advance(2, 100n);
  knowledge.advance(3, 7n);
  knowledge.correct(knowledge.positions(), new Map([[2, 50n]]));
  assert.equal(knowledge.covers(new Map([[2, 51n]]), 9), false);
  assert.equal(knowledge.covers(new Map([[2, 50n]]), 9), true);
  assert.equal(knowledge.position(3), 0n);
});

test('a position that grew after the question was asked stays', () => {
  const knowledge = new Knowledge(1);
  knowledge.advance(2, 100n);
  const before = knowledge.positions();
  knowledge.advance(2, 120n);
  knowledge.correct(before, new Map([[2, 100n]]));
  assert.equal(knowledge.position(2), 120n);
});

test('where a copy ends the catching up, what a vector says beyond it is not waited for', () => {
  const ends = new Map([
    [2, 50n],
    [3, 70n],
  ]);
  const knowledge = new Knowledge(1, ends);
  // A batch of 2 that began before the copy: it says what 2 was about to apply of 3, and of a site that is new.
  const vector = new Map([
    [3, 90n],
    [4, 10n],
  ]);
  assert.deepEqual(knowledge.missing(vector, 2), [3, 90n]);
  knowledge.advance(3, 69n);
  assert.equal(knowledge.covers(vector, 2), false);
  knowledge.advance(3, 70n);
  assert.equal(knowledge.covers(vector, 2), true);
  assert.equal(
    knowledge.covers(new Map([[2, 40n]]), 3),
    false,
    'what is in the copy is waited for',
  );
});

test('what is nowhere any more is not waited for, and is told; what there is of it is waited for', () => {
  const knowledge = new Knowledge(1);
  const vector = new Map([
    [3, 90n],
    [4, 10n],
  ]);
  knowledge.advance(4, 10n);
  assert.deepEqual(knowledge.lost(vector), []);
  knowledge.exist(new Map([[3, 50n]]));
  assert.deepEqual(knowledge.lost(vector), [{ origin: 3, extent: 50n, named: 90n }]);
  knowledge.advance(3, 49n);
  assert.deepEqual(knowledge.missing(vector, 2), [3, 90n]);
  knowledge.advance(3, 50n);
  assert.equal(knowledge.covers(vector, 2), true);
  assert.deepEqual(knowledge.lost(new Map([[3, 50n]])), []);
});

test('who waits goes on when it is known what is nowhere any more', async () => {
  const knowledge = new Knowledge(1);
  const stop = new AbortController();
  const reached = knowledge.reached(new Map([[3, 90n]]), { origin: 2, signal: stop.signal });
  knowledge.exist(new Map([[3, 0n]]));
  await reached;
  assert.equal(stop.signal.aborted, false);
});
