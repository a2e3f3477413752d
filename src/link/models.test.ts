import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mismatches } from './models.ts';

const CASES: [mine: string, theirs: string, expected: string[], why: string][] = [
  ['a:1', 'a:1', [], 'the same'],
  ['a:1', 'a:2', ['a'], 'another revision'],
  ['a:2/1', 'a:1', [], 'mine goes with theirs'],
  ['a:1', 'a:2/1', [], 'theirs goes with mine'],
  ['a:3/2/1', 'a:1', [], 'two revisions later'],
  ['a:3/1', 'a:2/1', ['a'], 'two that nobody compared'],
  ['a:1,b:1', 'a:1', [], 'a model that only one has'],
  ['a:1', 'b:1', [], 'nothing in common'],
  ['none', 'a:1', [], 'no model yet'],
  ['a:1,b:2', 'a:2,b:3', ['a', 'b'], 'all that differ are named'],
  ['a:1', 'undefined', [], 'no header: nothing to apply'],
];

test('two sites replicate the models that both have, in revisions that go together', () => {
  for (const [mine, theirs, expected, why] of CASES) {
    assert.deepEqual(mismatches(mine, theirs), expected, why);
  }
});
