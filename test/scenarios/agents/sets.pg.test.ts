import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { withConnection } from '../../../src/postgres/connect.ts';
import { AgentSite, quickRounds } from '../../support/agents.ts';
import { eventually } from '../../support/pair.ts';
import { startServer } from '../../support/server.ts';
import type { TestServer } from '../../support/server.ts';
import { equalSites, sitesOf } from '../../support/site-group.ts';
import { setsModel } from '../../support/sets-model.ts';

const MODEL = setsModel();
let server: TestServer;
const sites: AgentSite[] = [];

before(async () => {
  quickRounds();
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

const ROW = `SELECT concat_ws(' ', alias, role) AS v FROM test.account WHERE id = 1`;

const everywhere = (wanted: string): Promise<void> =>
  eventually(`${wanted} everywhere`, async () => {
    const found = await Promise.all(sites.map((site) => site.sql.query<{ v: string }>(ROW)));
    return found.every((result) => result.rows[0]?.v === wanted);
  });

test('three sites change a set without each other: the same end everywhere', async () => {
  const [one, two, three] = sites as [AgentSite, AgentSite, AgentSite];
  await one.sql.query(`INSERT INTO test.account (id, alias, role) VALUES (1, '{a,b}', '{a,b}')`);
  await everywhere('{a,b} {a,b}');
  for (const site of sites) site.proxy.set('cut');
  await one.sql.query(`UPDATE test.account SET alias = '{a,c}', role = '{a,c}'`);
  await two.sql.query(`UPDATE test.account SET alias = '{}', role = '{}'`);
  await two.sql.query(`UPDATE test.account SET alias = '{b}', role = '{b}'`);
  await three.sql.query(`UPDATE test.account SET alias = '{a,b,d}', role = '{b,d}'`);
  for (const site of sites) site.proxy.set('open');
  // Two removed b and added it again, one removed it: its addition is newer than what one had seen.
  await everywhere('{b,c,d} {c,d}');
  await equal();
});

test('sets that three sites change all the time end equal, and every added value is there', async () => {
  const work = async (site: AgentSite, index: number): Promise<void> => {
    for (let time = 0; time < 40; time++) {
      await site.sql.query(
        `UPDATE test.account SET alias = alias || $1::text,
          role = CASE WHEN $2 THEN role || 's'::text ELSE array_remove(role, 's') END`,
        [`${index}-${time}`, time % 2 === 0],
      );
    }
  };
  await Promise.all(sites.map(work));
  await equal();
  const { rows } = await sites[0]!.sql.query<{ n: string }>(
    `SELECT count(*) AS n FROM test.account, unnest(alias) AS x WHERE x ~ '-'`,
  );
  assert.equal(rows[0]!.n, '120');
});

/** Stamps of removals in the tags of row 2's set whose removals win, by the value. */
async function removals(site: AgentSite): Promise<Record<string, string>> {
  const { rows } = await site.sql.query<{ tag: string }>(
    `SELECT tag FROM test.account, unnest(_crp_role_tags) AS tag WHERE id = 2 AND tag LIKE '-%'`,
  );
  return Object.fromEntries(
    rows.map(({ tag }) => [tag.split(' ')[1]!, tag.split(' ')[0]!.slice(1)] as const),
  );
}

/** Whether a site knows that everything up to a stamp is everywhere. */
function isStable(site: AgentSite, stamp: string): Promise<boolean> {
  return withConnection(site.config.database.url, 'test', async (client) => {
    const { rows } = await client.query('SELECT FROM crp.stable WHERE last_value >= $1', [stamp]);
    return rows.length === 1;
  });
}

test('what was removed is forgotten once every site has the removal, and not before', async () => {
  const [one, two, three] = sites as [AgentSite, AgentSite, AgentSite];
  const roles = (wanted: string): Promise<void> =>
    eventually(`${wanted} everywhere`, async () => {
      const found = await Promise.all(
        sites.map((site) => site.sql.query('SELECT role::text FROM test.account WHERE id = 2')),
      );
      return found.every(({ rows }) => (rows[0] as { role: string } | undefined)?.role === wanted);
    });
  await one.sql.query(`INSERT INTO test.account (id, role) VALUES (2, '{x,y}')`);
  await roles('{x,y}');
  three.proxy.set('cut');
  await three.end('SIGTERM');
  await two.sql.query(`UPDATE test.account SET role = '{x}' WHERE id = 2`);
  await eventually('the removal is there', async () => 'y' in (await removals(one)));
  const { y: stamp } = await removals(one);
  // As long as the third site may still add to what it has seen, the removal has to be known.
  const { rounds } = await one.status();
  await eventually('rounds pass', async () => (await one.status()).rounds >= rounds + 4);
  await one.sql.query(`UPDATE test.account SET role = '{w,x}' WHERE id = 2`);
  assert.deepEqual(await removals(one), { y: stamp });
  three.proxy.set('open');
  await three.up();
  await roles('{w,x}');
  // Three times every site sets a mark: on a busy machine so many rounds are most of a wait's limit.
  const after = (await one.status()).rounds;
  await eventually('rounds pass', async () => (await one.status()).rounds >= after + 12);
  await eventually('the removal is stable', () => isStable(one, stamp!));
  await one.sql.query(`UPDATE test.account SET role = '{v,w,x}' WHERE id = 2`);
  assert.deepEqual(await removals(one), {});
  await equal();
});
