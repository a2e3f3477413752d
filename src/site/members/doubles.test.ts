import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Doubles } from './doubles.ts';

/** Says for each greeting whether it shows two agents for the first time. */
function heard(runs: string): string {
  const doubles = new Doubles(() => 0);
  const said = runs.split('').map((run) => doubles.heard('two', run));
  return said.map((found) => (found ? '!' : '.')).join('');
}

/** So many other runs are too many to be remembered. */
const MANY = Array.from({ length: 101 }, (_, n) => String.fromCharCode(1_000 + n)).join('');

const CASES: [runs: string, found: string, why: string][] = [
  ['aaaa', '....', 'one agent'],
  ['aabbcc', '......', 'an agent that is started again and again'],
  ['aababb', '......', 'a greeting that the network held back'],
  ['ababa', '....!', 'two agents in turns'],
  ['abcabca', '......!', 'three agents'],
  ['aabbaabba', '........!', 'two agents, each heard twice'],
];

test('of an agent that was started very often the earliest runs are forgotten', () => {
  assert.equal(heard(`a${MANY}aba`).includes('!'), false);
  assert.equal(heard(`a${MANY}abaaba`).includes('!'), true);
});

for (const [runs, found, why] of CASES) {
  test(`runs ${runs}: ${why}`, () => assert.equal(heard(runs), found));
}

test('they are distrusted for a while, and of an earlier build nothing is said', () => {
  let now = 0;
  const doubles = new Doubles(() => now);
  for (const run of 'ababa') doubles.heard('two', run);
  doubles.heard('one', undefined);
  assert.deepEqual(doubles.names(), ['two']);
  now = 50_000;
  assert.deepEqual(doubles.names(), []);
  assert.equal(doubles.heard('two', 'a'), false);
});
