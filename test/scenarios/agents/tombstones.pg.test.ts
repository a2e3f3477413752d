import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { connect } from '../../../src/postgres/connect.ts';
import { AgentSite, quickRounds } from '../../support/agents.ts';
import { LEASES } from '../../support/lease-model.ts';
import { eventually } from '../../support/pair.ts';
import { hasDebian15, startServer } from '../../support/server.ts';
import type { TestServer } from '../../support/server.ts';

const servers: TestServer[] = [];
const sites: AgentSite[] = [];

before(async () => {
  quickRounds();
  servers.push(await startServer(18), await startServer(hasDebian15() ? 15 : 18));
  const first = await AgentSite.init('one', {
    adminUrl: await servers[0]!.createDatabase('a'),
    model: LEASES,
  });
  sites.push(first);
  await first.up();
  const second = await AgentSite.join(await first.invite('two', 2), {
    adminUrl: await servers[1]!.createDatabase('b'),
  });
  sites.push(second);
  await second.up();
});

after(async () => {
  for (const site of sites) await site.remove();
  for (const server of servers) await server.remove();
});

async function tombstones(site: AgentSite): Promise<number> {
  const client = await connect(site.config.database.url, 'test');
  const result = await client.query('SELECT FROM crp.lease_tombstone');
  await client.end();
  return result.rowCount ?? 0;
}

test('tombstones go when every site has the delete, and not before; an invitation holds nothing back', async () => {
  const [one, two] = sites as [AgentSite, AgentSite];
  await one.invite('three', 3);
  const count = async (site: AgentSite): Promise<number> =>
    (await site.sql.query('SELECT FROM leases.lease')).rowCount ?? 0;
  await one.sql.query(
    'INSERT INTO leases.lease (address) SELECT g FROM generate_series(1, 100) AS g',
  );
  await eventually('the rows are at both', async () => (await count(two)) === 100);
  // A transaction that changed a row before it heard of the delete, and is not finished yet.
  const slow = await connect(two.config.database.serviceUrl, 'test slow');
  await slow.query('BEGIN');
  await slow.query(`UPDATE leases.lease SET note = 'late' WHERE address = 100`);
  await one.sql.query('DELETE FROM leases.lease WHERE address <= 50');
  await eventually('the deletes are at the other', async () => (await count(two)) === 50);
  await one.sql.query('DELETE FROM leases.lease WHERE address = 100');
  assert.equal(await tombstones(one), 51);
  // Several rounds of greetings: what is in progress keeps the tombstones.
  const { rounds } = await one.status();
  await eventually('rounds pass', async () => (await one.status()).rounds >= rounds + 4);
  assert.equal(await tombstones(one), 51);
  await slow.query('COMMIT');
  await slow.end();
  for (const site of sites) {
    await eventually(`${site.config.site} has no tombstone`, async () => {
      return (await tombstones(site)) === 0;
    });
    assert.equal(await count(site), 49);
  }
  for (const site of sites) {
    await eventually(`the journal of ${site.config.site} is empty`, async () => {
      const { journal, newcomers } = await site.status();
      assert.deepEqual(newcomers, [{ name: 'three', number: 3, state: 'invited' }]);
      return journal.batches === 0;
    });
  }
  const recorded = await one.status();
  assert.ok(recorded.conflicts!.total > 0, 'the late update lost, and is recorded');
});
