import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AppError } from '../../base/errors.ts';
import { withConnection } from '../../postgres/connect.ts';
import { catalogDdl } from '../../sql/ddl/catalog-ddl.ts';
import { startServer } from '../../../test/support/server.ts';
import { readMembers, upsertMember } from './catalog.ts';
import type { Member } from './catalog.ts';

type Said = [name: string, number: number, state: Member['state']];

/** What is known, what is said of a member, and what is known then or the error. */
const CASES: [what: string, known: Said[], said: Said, then: Said[] | string][] = [
  ['one that is new', [], ['x', 3, 'invited'], [['x', 3, 'invited']]],
  ['one that goes on', [['x', 3, 'invited']], ['x', 3, 'active'], [['x', 3, 'active']]],
  ['one that was further', [['x', 3, 'left']], ['x', 3, 'active'], [['x', 3, 'left']]],
  [
    'two invitations with one number: each member keeps its own',
    [['x', 3, 'invited']],
    ['y', 3, 'invited'],
    [['x', 3, 'invited']],
  ],
  [
    'a site that joins with the number of an invitation: that one is void',
    [['x', 3, 'invited']],
    ['y', 3, 'joining'],
    [['y', 3, 'joining']],
  ],
  [
    'an invitation with the number of a site that has left',
    [['x', 3, 'left']],
    ['y', 3, 'invited'],
    [['x', 3, 'left']],
  ],
  [
    'one site that was invited with two numbers',
    [['x', 3, 'invited']],
    ['x', 4, 'joining'],
    [['x', 4, 'joining']],
  ],
  [
    'and with a number that another invitation has',
    [
      ['x', 3, 'invited'],
      ['y', 4, 'invited'],
    ],
    ['x', 4, 'joining'],
    [['x', 4, 'joining']],
  ],
  [
    'two sites that join at the same moment with one number',
    [['x', 3, 'joining']],
    ['y', 3, 'joining'],
    [['x', 3, 'joining']],
  ],
  [
    'and the other one is heard of first',
    [['y', 3, 'joining']],
    ['x', 3, 'joining'],
    [['x', 3, 'joining']],
  ],
  [
    'two sites that joined with one number',
    [['x', 3, 'active']],
    ['y', 3, 'joining'],
    'MEMBER_NUMBER',
  ],
];

test('who joins first has the number that two members gave', async () => {
  const server = await startServer(18);
  try {
    await withConnection(await server.createDatabase('members'), 'test', async (client) => {
      const site = { name: 'self', number: 1, incarnation: 1 };
      for (const statement of catalogDdl({ site })) await client.query(statement);
      const note = ([name, number, state]: Said): Promise<void> =>
        upsertMember(client, { name, number, address: null, incarnation: 1, state });
      for (const [what, known, said, then] of CASES) {
        await client.query('DELETE FROM crp.member');
        for (const one of known) await note(one);
        const error = await note(said).catch((caught: unknown) => (caught as AppError).code);
        const members = await readMembers(client);
        const found = members.map(({ name, number, state }): Said => [name, number, state]);
        assert.deepEqual(error ?? found, then, what);
      }
    });
  } finally {
    await server.remove();
  }
});
