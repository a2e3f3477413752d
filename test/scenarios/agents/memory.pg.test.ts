import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { AgentSite } from '../../support/agents.ts';
import { LEASES } from '../../support/lease-model.ts';
import { MemoryWatch } from '../../support/memory.ts';
import { eventually } from '../../support/pair.ts';
import { startServer } from '../../support/server.ts';
import type { TestServer } from '../../support/server.ts';

const ROWS = 200_000;
/** MiB, whatever the size of the transaction; some 50 of them are the compiler that runs in these agents. */
const MOST = 256;

let server: TestServer;
let one: AgentSite;
let two: AgentSite;

before(async () => {
  server = await startServer(18);
  one = await AgentSite.init('one', {
    adminUrl: await server.createDatabase('one'),
    model: LEASES,
  });
  await one.up();
  two = await AgentSite.join(await one.invite('two', 2), {
    adminUrl: await server.createDatabase('two'),
  });
  await two.up();
});

after(async () => {
  await one.remove();
  await two.remove();
  await server.remove();
});

test(`a transaction of ${ROWS} rows, and one that changes them all, within ${MOST} MiB an agent`, async () => {
  const sites = [one, two];
  const pids = await Promise.all(sites.map(async (site) => (await site.status()).pid));
  const memory = new MemoryWatch(() => pids);
  await one.sql.query(
    `INSERT INTO leases.lease (address, hwaddr, hostname, note)
     SELECT g, decode(md5(g::text), 'hex'), 'host-' || g, repeat('n', 50) FROM generate_series(1, $1::int) AS g`,
    [ROWS],
  );
  await one.sql.query(`UPDATE leases.lease SET note = 'changed', renewals = renewals + 1`);
  await eventually('the second site has all of it', async () => {
    const { rows } = await two.sql.query<{ n: string }>(
      `SELECT count(*) AS n FROM leases.lease WHERE note = 'changed' AND renewals = 1`,
    );
    return Number(rows[0]!.n) === ROWS;
  });
  for (const [index, peak] of memory.stop().entries()) {
    const site = sites[index]!;
    const used = peak / 2 ** 20;
    assert.ok(used <= MOST, `the agent of "${site.config.site}" used ${used.toFixed(0)} MiB`);
  }
});
