import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runChaos } from '../../support/chaos.ts';
import { hasDebian15 } from '../../support/server.ts';

const SEED = Number(process.env['SEED'] ?? Date.now() % 2 ** 31);
const EVENTS = 12;

for (const versions of [
  [18, 18],
  [15, 18, 18],
] as const) {
  const skip = versions[0] === 15 && !hasDebian15() ? 'needs the package postgresql-15' : false;
  const name = `agents and databases crash and links break under load on PostgreSQL ${versions.join(', ')} (seed ${SEED})`;
  test(name, { skip }, async () => {
    const { events } = await runChaos({ versions, seed: SEED, events: EVENTS });
    assert.equal(events, EVENTS);
  });
}
