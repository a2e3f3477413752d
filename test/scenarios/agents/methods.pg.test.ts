import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { AgentSite } from '../../support/agents.ts';
import { methodsModel } from '../../support/methods-model.ts';
import { eventually } from '../../support/pair.ts';
import { startServer } from '../../support/server.ts';
import type { TestServer } from '../../support/server.ts';
import { equalSites, sitesOf } from '../../support/site-group.ts';

const MODEL = methodsModel();
let server: TestServer;
const sites: AgentSite[] = [];

before(async () => {
  server = await startServer(18);
  await sitesOf(sites, { model: MODEL, database: (name) => server.createDatabase(name) }, [
    ['two', 2],
    ['three', 7],
  ]);
});

after(async () => {
  for (const site of sites) await site.remove();
  await server?.remove();
});

const equal = (): Promise<void> => equalSites(sites, [MODEL]);

const everywhere = (sql: string, wanted: string): Promise<void> =>
  eventually(`${wanted} everywhere`, async () => {
    const found = await Promise.all(sites.map((site) => site.sql.query<{ v: string }>(sql)));
    return found.every((result) => result.rows[0]?.v === wanted);
  });

const HOST = `SELECT concat_ws(' ', top, low, serial, state, level, word, note) AS v FROM test.host WHERE id = `;

test('three sites write one row without each other: the best of each column, the same everywhere', async () => {
  const [one, two, three] = sites as [AgentSite, AgentSite, AgentSite];
  await one.sql.query(
    `INSERT INTO test.host VALUES (1, 0, 0, 4294967000, 'offered', 'low', NULL, 'a', 'x')`,
  );
  await everywhere(`${HOST}1`, '0 0.00 4294967000 offered low a x');
  for (const site of sites) site.proxy.set('cut');
  await one.sql.query(`UPDATE test.host SET top = 9, serial = 7, word = 'b', note = 'one'`);
  await two.sql.query(`UPDATE test.host SET top = 3, state = 'stopped', low = -1, note = 'two'`);
  await three.sql.query(
    `UPDATE test.host SET serial = 4294967295, state = 'active', level = 'high', note = 'three'`,
  );
  for (const site of sites) site.proxy.set('open');
  await everywhere(`${HOST}1`, '9 -1.00 7 stopped high b three');
  await equal();
});

test('writes over a merged value, and over one that is merged meanwhile, end equal', async () => {
  const raise = async (site: AgentSite, times: number): Promise<void> => {
    for (let time = 0; time < times; time++) {
      await site.sql.query(
        `UPDATE test.host SET top = top + 1, serial = (serial + 1) % 4294967296, low = low - 0.5`,
      );
    }
  };
  await Promise.all(sites.map((site) => raise(site, 60)));
  await equal();
  const { rows } = await sites[0]!.sql.query<{ top: number }>('SELECT top FROM test.host');
  assert.ok(rows[0]!.top >= 69, `${rows[0]!.top} is less than one site alone made`);
});
