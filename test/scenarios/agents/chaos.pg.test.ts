import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runChaos } from '../../support/chaos.ts';
import { hasDebian15 } from '../../support/server.ts';
import { SEED } from '../../support/seed.ts';

const EVENTS = 12;

const VERSIONS = hasDebian15() ? ([15, 18, 18] as const) : ([18, 18, 18] as const);

test(`agents and databases crash and links break under load on PostgreSQL ${VERSIONS.join(', ')} (seed ${SEED})`, async () => {
  const { events } = await runChaos({ versions: VERSIONS, seed: SEED, events: EVENTS });
  assert.equal(events, EVENTS);
});
