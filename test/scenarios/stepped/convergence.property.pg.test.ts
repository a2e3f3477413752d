import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Drawn, drawnModels } from '../../support/drawn-group.ts';
import { PICK } from '../../support/history-model.ts';
import { startServer } from '../../support/server.ts';
import type { TestServer } from '../../support/server.ts';
import { SteppedGroup } from '../../support/stepped-group.ts';

const SEED = Number(process.env['SEED'] ?? Date.now() % 2 ** 31);
const ROUNDS = Number(process.env['ROUNDS'] ?? 6);
/** Rounds after which everybody gets everything. */
const EXCHANGE = 3;

let server: TestServer;
let streams = 0;

before(async () => {
  server = await startServer(18, { max_connections: '200', fsync: 'off' });
});

after(async () => {
  assert.ok(streams > 0, 'some transactions came as streams');
  await server?.remove();
});

for (const [at, model] of drawnModels().entries()) {
  const entities = model.entities.map(({ name }) => name).join(', ');
  test(`three sites write the same rows, in any order and grouping of what they get: equal (${entities}; seed ${SEED})`, async () => {
    const group = await SteppedGroup.open(server, model, PICK);
    const drawn = new Drawn(group, model, SEED + at);
    try {
      for (let round = 1; round <= ROUNDS; round++) {
        await drawn.round();
        if (round % EXCHANGE !== 0 && round !== ROUNDS) continue;
        await group.exchange();
        await group.assertEqual(`after round ${round}`);
        await drawn.collect();
      }
    } finally {
      streams += group.sites.reduce((sum, site) => sum + site.streams, 0);
      await group.close();
    }
  });
}
