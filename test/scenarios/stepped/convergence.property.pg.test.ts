import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { drawnModels, withDrawn } from '../../support/drawn-group.ts';
import { startServer } from '../../support/server.ts';
import type { TestServer } from '../../support/server.ts';

const SEED = Number(process.env['SEED'] ?? Date.now() % 2 ** 31);
const ROUNDS = Number(process.env['ROUNDS'] ?? 6);
/** Rounds after which everybody gets everything. */
const EXCHANGE = 3;

let server: TestServer;
let streams = 0;

before(async () => {
  server = await startServer(18);
});

after(async () => {
  await server?.remove();
});

for (const [at, model] of drawnModels().entries()) {
  const entities = model.entities.map(({ name }) => name).join(', ');
  test(`three sites write the same rows, in any order and grouping of what they get: equal (${entities}; seed ${SEED})`, async () => {
    await withDrawn(server, model, SEED + at, async (group, drawn) => {
      for (let round = 1; round <= ROUNDS; round++) {
        await drawn.round();
        if (round % EXCHANGE !== 0 && round !== ROUNDS) continue;
        await group.exchange();
        await group.assertEqual(`after round ${round}`);
        await drawn.collect();
      }
      streams += group.sites.reduce((sum, site) => sum + site.streams, 0);
    });
  });
}

test('some of the transactions came as streams', () => {
  assert.ok(streams > 0);
});
