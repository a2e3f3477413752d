import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { after, before, test } from 'node:test';
import { withConnection } from '../../../src/postgres/connect.ts';
import { Random } from '../../simulation/random.ts';
import { AgentSite, cli } from '../../support/agents.ts';
import { LEASES } from '../../support/lease-model.ts';
import { startServer } from '../../support/server.ts';
import type { TestServer } from '../../support/server.ts';
import { equalSites } from '../../support/site-group.ts';
import { SEED } from '../../support/seed.ts';

const NAMES = ['one', 'two', 'three', 'four', 'five'];
/** Rows that all sites write; those above are deleted and inserted again too. */
const SHARED = 40;
const LASTING = 20;
/** Transactions of a site, and the pause between two: five agents share the machine. */
const WRITES = 80;
const PAUSE_MS = 20;

let server: TestServer;
const sites: AgentSite[] = [];
/** What was added to the counter of each row, at all sites together. */
const added = new Map<number, number>();

before(async () => {
  // One server with a database for each site: replication origins carry the site's name.
  server = await startServer(18, { max_connections: '200' });
  for (const [index, name] of NAMES.entries()) {
    const adminUrl = await server.createDatabase(name);
    const [first] = sites;
    const site =
      first === undefined
        ? await AgentSite.init(name, { adminUrl, model: LEASES })
        : await AgentSite.join(await first.invite(name, index + 1), { adminUrl });
    sites.push(site);
    await site.up();
  }
});

after(async () => {
  await Promise.all(sites.map((site) => site.remove()));
  await server?.remove();
});

const equal = (): Promise<void> => equalSites(sites, [LEASES]);

async function add(site: AgentSite, address: number): Promise<void> {
  await site.sql.query('UPDATE leases.lease SET renewals = renewals + 1 WHERE address = $1', [
    address,
  ]);
  added.set(address, (added.get(address) ?? 0) + 1);
}

/** One transaction of a service on the rows that all of them write. */
async function write(site: AgentSite, random: Random, step: number): Promise<void> {
  const { sql } = site;
  const lasting = 1 + random.int(LASTING);
  const address = 1 + random.int(SHARED);
  const text = `${site.config.site} ${step}`;
  const kind = random.int(10);
  if (kind < 3) await add(site, lasting);
  else if (kind < 5)
    await sql.query('UPDATE leases.lease SET note = $2 WHERE address = $1', [address, text]);
  else if (kind < 7) {
    const hwaddr = 'UPDATE leases.lease SET hwaddr = $2 WHERE address = $1';
    await sql.query(hwaddr, [address, Buffer.from(text)]);
  } else if (kind < 8) {
    const again = `INSERT INTO leases.lease (address, hostname) VALUES ($1, $2)
      ON CONFLICT (address) DO UPDATE SET hostname = excluded.hostname`;
    await sql.query(again, [SHARED - random.int(LASTING), text]);
  } else if (kind < 9) {
    await sql.query('DELETE FROM leases.lease WHERE address = $1', [SHARED - random.int(LASTING)]);
  } else {
    const own = sites.indexOf(site) * 1000 + 1000 + step;
    await sql.query('INSERT INTO leases.lease (address, note) VALUES ($1, $2)', [own, text]);
  }
}

async function load(site: AgentSite): Promise<void> {
  const random = new Random(SEED + sites.indexOf(site));
  for (let step = 0; step < WRITES; step++) {
    await write(site, random, step);
    await delay(PAUSE_MS);
  }
}

test(`five sites write the same rows, one of them cut off and one without its agent: all five are equal in the end (seed ${SEED})`, async () => {
  const [one, two, , four, five] = sites as [AgentSite, AgentSite, AgentSite, AgentSite, AgentSite];
  await one.sql.query(
    `INSERT INTO leases.lease (address) SELECT g FROM generate_series(1, ${SHARED}) AS g`,
  );
  await equal();
  // What five writes gets nowhere; what four writes neither, and nothing gets there.
  five.proxy.set('cut');
  await four.end('SIGKILL');
  await Promise.all(sites.map(load));
  // Whatever was drawn: a row that one site deletes, others change, and another one inserts at two sites.
  await one.sql.query(`DELETE FROM leases.lease WHERE address = ${LASTING}`);
  added.delete(LASTING);
  for (const site of [two, four, five]) {
    await site.sql.query(`UPDATE leases.lease SET note = 'kept?' WHERE address = ${LASTING}`);
    await site.sql.query(
      `INSERT INTO leases.lease (address, note) VALUES (9999, '${site.config.site}')
       ON CONFLICT (address) DO NOTHING`,
    );
    for (let address = 1; address < 4; address++) await add(site, address);
  }
  five.proxy.set('open');
  await four.up();
  await equal();

  const found = await five.sql.query<{ address: string; renewals: string }>(
    `SELECT address, renewals FROM leases.lease WHERE address < ${LASTING} ORDER BY address`,
  );
  assert.deepEqual(
    found.rows.map(({ address, renewals }) => [Number(address), Number(renewals)]),
    Array.from({ length: LASTING - 1 }, (_, index) => [index + 1, added.get(index + 1) ?? 0]),
    'what the sites added counts once each',
  );
  const { rows } = await withConnection(one.config.database.url, 'test', (client) =>
    client.query<{ type: string }>('SELECT DISTINCT type FROM crp.conflict ORDER BY type'),
  );
  const types = rows.map(({ type }) => type);
  for (const type of ['delete', 'uniqueness', 'update'])
    assert.ok(types.includes(type), `${type} of ${types.join()}`);
  const verified = await cli('verify', '--dir', two.dir);
  assert.equal(verified.code, 0, verified.stdout + verified.stderr);
  assert.match(verified.stdout, /: equal;/);
});
