import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Random } from '../../simulation/random.ts';
import { drawnModels, withDrawn } from '../../support/drawn-group.ts';
import { Membership } from '../../support/drawn-membership.ts';
import { hasDebian15, startServer } from '../../support/server.ts';
import type { TestServer } from '../../support/server.ts';
import { SEED } from '../../support/seed.ts';

/*
 * Sites join and are lost for good while all write. What is promised (docs/convergence.md):
 *
 * - A site that joined has what the group has: its base copy, with what waits, tombstones and histories, and from the
 *   journals exactly what the copy lacks, though all wrote on and applied while the copy was taken and sent.
 * - What a lost site shipped to any of the others reaches all. What it made with knowledge of changes of another lost site
 *   that nobody has is applied without them, as soon as all have said what they have, and never waits for ever.
 * - The sites that are left are equal then: tables, tombstones, histories and what waits. What was acknowledged at one of
 *   them, or had reached it, is in the end state or was replaced by what was later.
 * - The rules of the model hold at each of them at any time. But what belonged to a lost site is free, and shares of a
 *   number with a bound can be lost, also those that were used.
 *
 * Base copy, positions, vectors, statements and extents are the agent's. At most two sites are lost (Limits, there).
 */

/** Groups of each model; without it one group of one model, as the seed draws. */
const ROUNDS = Number(process.env['ROUNDS'] ?? 1);

const VERSIONS = hasDebian15() ? ([18, 15] as const) : ([18] as const);
/** Each site uses a slot and some origins, and none of them goes before the server does. */
const ROOM = { max_replication_slots: '2000' };

let servers: TestServer[] = [];
let waived = 0;

before(async () => {
  servers = await Promise.all(
    VERSIONS.map((version) =>
      startServer(version, {
        ...ROOM,
        ...(version === 18 && { max_active_replication_origins: '2000' }),
      }),
    ),
  );
});

after(async () => {
  await Promise.all(servers.map((server) => server.remove()));
});

function played(): ReturnType<typeof drawnModels> {
  const all = drawnModels('members-');
  return process.env['ROUNDS'] === undefined ? [new Random(SEED).pick(all)] : all;
}

for (const [at, model] of played().entries()) {
  const entities = model.entities.map(({ name }) => name).join(', ');
  test(`sites join and are lost for good while all write: equal (${entities}; seed ${SEED})`, async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const seed = SEED + at + 1000 * round;
      const random = new Random(seed);
      const where = [1, 2, 3].map(() => random.pick(servers));
      const named = { ...model, name: `${model.name}-${round}` };
      await withDrawn(where, named, seed, async (group, drawn) => {
        await new Membership(group, drawn, random).run().catch((error: Error) => {
          error.message = `round ${round}: ${error.message}`;
          throw error;
        });
        waived += group.sites.reduce((sum, site) => sum + site.members.waived, 0);
      });
    }
  });
}

// In few rounds it need not happen.
if (ROUNDS >= 5) {
  test('some changes were applied without lost ones that they were made over', () => {
    assert.ok(waived > 0);
  });
}
