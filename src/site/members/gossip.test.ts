import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkGreeting } from './gossip.ts';

const TWO = { name: 'two', number: 2, address: '[::1]:7481', incarnation: 1, state: 'active' };

function greeting(member: object): unknown {
  return { site: TWO, members: [TWO, member], applied: [], mark: { sequence: 0, position: '0' } };
}

/** A site connects to the addresses, shows the names, and has all of it in its database from then on. */
const WRONG: [what: string, member: object][] = [
  ['a name that no site can have', { ...TWO, name: 'x\u001b[2J' }],
  ['a name without end', { ...TWO, name: 'x'.repeat(32) }],
  ['no number of a site', { ...TWO, number: 2048 }],
  ['no address', { ...TWO, address: 'nowhere' }],
  ['no port', { ...TWO, address: 'host:99999' }],
  ['a state that there is not', { ...TWO, state: 'owner' }],
];

for (const [what, member] of WRONG) {
  test(`a member of whom somebody says ${what} is not noted`, () => {
    assert.throws(() => checkGreeting(greeting(member), 'two'), { code: 'LINK_PROTOCOL' });
  });
}

test('a site speaks for itself only', () => {
  const three = { ...TWO, name: 'three', number: 3, address: null };
  assert.deepEqual(checkGreeting(greeting(three), 'two').members, [TWO, three]);
  assert.throws(() => checkGreeting(greeting(three), 'three'), { code: 'LINK_PROTOCOL' });
});

/** Of a member whose program is broken: none is to be taken for an error of this site's. */
const BROKEN: [what: string, part: object][] = [
  ['what it has applied is no list', { applied: {} }],
  ['those that it waits for are a number', { pending: 5 }],
  ['those that are gone are a text', { gone: 'three' }],
  ['its journal is of no site', { journal: [[null, '0']] }],
  ['its journal is a number', { journal: 7 }],
];

for (const [what, part] of BROKEN) {
  test(`a greeting in which ${what} is none`, () => {
    const said = { ...(greeting(TWO) as object), ...part };
    assert.throws(() => checkGreeting(said, 'two'), { code: 'LINK_PROTOCOL' });
  });
}
