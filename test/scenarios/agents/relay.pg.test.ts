import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { AgentSite } from '../../support/agents.ts';
import { LEASES } from '../../support/lease-model.ts';
import { eventually } from '../../support/pair.ts';
import { startServer } from '../../support/server.ts';
import type { TestServer } from '../../support/server.ts';

let server: TestServer;
const sites: AgentSite[] = [];

before(async () => {
  server = await startServer(18);
  const first = await AgentSite.init('one', {
    adminUrl: await server.createDatabase('one'),
    model: LEASES,
  });
  sites.push(first);
  await first.up();
  for (const [name, number] of [
    ['two', 2],
    ['three', 3],
  ] as const) {
    const adminUrl = await server.createDatabase(name);
    const site = await AgentSite.join(await first.invite(name, number), { adminUrl });
    sites.push(site);
    await site.up();
  }
});

after(async () => {
  for (const site of sites) await site.remove();
  await server.remove();
});

const rows = async (site: AgentSite): Promise<number> =>
  (await site.sql.query('SELECT FROM leases.lease')).rowCount ?? 0;

test('what a site shipped to one member before it died reaches the others through that member', async () => {
  const [one, two, three] = sites as [AgentSite, AgentSite, AgentSite];
  await one.sql.query('INSERT INTO leases.lease (address) VALUES (1)');
  await eventually('everybody has the first row', async () => {
    return (await rows(two)) === 1 && (await rows(three)) === 1;
  });
  // The third is down while the first ships to the second and dies for good.
  await three.end('SIGKILL');
  await one.sql.query(
    'INSERT INTO leases.lease (address) SELECT g FROM generate_series(2, 500) AS g',
  );
  await eventually('the second has all', async () => (await rows(two)) === 500);
  await one.end('SIGKILL');
  await two.sql.query(`UPDATE leases.lease SET note = 'seen' WHERE address = 500`);
  await three.up();
  await eventually('the third has all, and what was made with knowledge of it', async () => {
    const found = await three.sql.query(`SELECT FROM leases.lease WHERE note = 'seen'`);
    return (await rows(three)) === 500 && found.rowCount === 1;
  });
  const origin = (await three.status()).peers.find((peer) => peer.name === 'one');
  assert.notEqual(origin?.link, 'connected');
});
