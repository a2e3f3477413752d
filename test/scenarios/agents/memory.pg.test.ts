import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { AgentSite } from '../../support/agents.ts';
import { LEASES } from '../../support/lease-model.ts';
import { eventually } from '../../support/pair.ts';
import { startServer } from '../../support/server.ts';
import type { TestServer } from '../../support/server.ts';

const ROWS = 200_000;
/**
 * MiB. An agent of the built package stays below 256 (`native-memory`, docs/performance.md); here it is compiled
 * while it runs, which adds some 50 MiB. Memory does not grow with the transaction.
 */
const MOST = 320;

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

/** Highest memory of a process so far, MiB (`VmHWM` in proc(5)). */
function peak(pid: number): number {
  const line = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(line![1]) / 1024;
}

test(`a transaction of ${ROWS} rows, and one that changes them all, within ${MOST} MiB an agent`, async () => {
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
  for (const site of [one, two]) {
    const { pid } = await site.status();
    const used = peak(pid);
    assert.ok(used <= MOST, `the agent of "${site.config.site}" used ${used.toFixed(0)} MiB`);
  }
});
