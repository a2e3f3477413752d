import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Random } from '../../simulation/random.ts';
import { drawnModels, withDrawn } from '../../support/drawn-group.ts';
import { hasDebian15, startServer } from '../../support/server.ts';
import type { TestServer } from '../../support/server.ts';
import { SEED } from '../../support/seed.ts';

const ROUNDS = Number(process.env['ROUNDS'] ?? 6);
/** Rounds after which everybody gets everything. */
const EXCHANGE = 3;

/** Of which versions the sites' servers are, drawn for each model. */
const VERSIONS = hasDebian15() ? ([18, 15] as const) : ([18] as const);

let servers: TestServer[] = [];
const used = new Set<TestServer>();
let expired = 0;
let streams = 0;

before(async () => {
  servers = await Promise.all(VERSIONS.map((version) => startServer(version)));
});

after(async () => {
  await Promise.all(servers.map((server) => server.remove()));
});

for (const [at, model] of drawnModels().entries()) {
  const entities = model.entities.map(({ name }) => name).join(', ');
  test(`three sites write the same rows, in any order and grouping of what they get: equal (${entities}; seed ${SEED})`, async () => {
    const random = new Random(SEED + at);
    const where = [1, 2, 3].map(() => random.pick(servers));
    for (const server of where) used.add(server);
    await withDrawn(where, model, SEED + at, async (group, drawn) => {
      for (let round = 1; round <= ROUNDS; round++) {
        await drawn.round();
        if (round % EXCHANGE !== 0 && round !== ROUNDS) continue;
        await group.exchange();
        await group.assertEqualMeanwhile(`after round ${round}`);
        await drawn.collect();
      }
      while ((await drawn.expire()) > 0) await group.exchange();
      await group.assertEqual('after all that was over is gone');
      await group.assertNoneOver();
      expired += group.sites.reduce((sum, site) => sum + site.expired, 0);
      streams += group.sites.reduce((sum, site) => sum + site.streams, 0);
    });
  });
}

test(
  'some of the sites were on PostgreSQL 15, some on 18',
  { skip: hasDebian15() ? false : 'needs the package postgresql-15' },
  () => {
    assert.equal(used.size, 2);
  },
);

test('some rows expired', () => {
  assert.ok(expired > 0);
});

test('some of the transactions came as streams', () => {
  assert.ok(streams > 0);
});
