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
