import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { connect } from '../../../src/postgres/connect.ts';
import { AgentSite } from '../../support/agents.ts';
import { LEASES } from '../../support/lease-model.ts';
import { eventually } from '../../support/pair.ts';
import { startServer } from '../../support/server.ts';
import type { TestServer } from '../../support/server.ts';
import { equalSites } from '../../support/site-group.ts';

/* An invitation keeps nothing: what is needed for the newcomer is with the giver. */

let server: TestServer;
const sites: AgentSite[] = [];

before(async () => {
  server = await startServer(18);
});

after(async () => {
  for (const site of sites) await site.remove();
  await server.remove();
});

const lag = async (site: AgentSite): Promise<number> => (await site.status()).peers[0]!.lag.batches;

test('what the giver has not applied when the copy is taken, and its origin keeps no more, comes from the giver', async () => {
  const adminUrl = await server.createDatabase('one');
  const one = await AgentSite.init('one', { adminUrl, model: LEASES });
  sites.push(one);
  await one.up();
  await one.sql.query(`INSERT INTO leases.lease (address, hostname) VALUES (1, 'a')`);
  const invitation = await one.invite('two', 2);
  const two = await AgentSite.join(invitation, { adminUrl: await server.createDatabase('two') });
  sites.push(two);
  await two.up();
  const owner = await connect(two.adminUrl, 'test');
  await equalSites(sites, [LEASES]);
  const later = await one.invite('three', 3);
  later.via = { name: 'two', address: two.config.link.address };
  await eventually('the giver knows of the invitation', async () =>
    (await two.status()).newcomers.some(({ name }) => name === 'three'),
  );
  // What waits for this lock is in the journal there, and its origin need not keep it any more.
  await owner.query('BEGIN; LOCK TABLE leases.lease IN EXCLUSIVE MODE');
  await one.sql.query(`UPDATE leases.lease SET hostname = 'b' WHERE address = 1`);
  await eventually('the giver has it in its journal', async () => (await lag(two)) > 0);
  await eventually(
    'the origin has forgotten it',
    async () => (await one.status()).journal.batches === 0,
  );
  const joining = AgentSite.join(later, { adminUrl: await server.createDatabase('three') });
  await eventually('the origin knows of the newcomer', async () =>
    (await one.status()).newcomers.some(({ state }) => state === 'joining'),
  );
  const three = await joining;
  await owner.query('ROLLBACK');
  sites.push(three);
  await three.up();
  await equalSites(sites, [LEASES]);
  const { rows } = await three.sql.query('SELECT hostname FROM leases.lease');
  assert.deepEqual(rows, [{ hostname: 'b' }]);
  await owner.end();
});
