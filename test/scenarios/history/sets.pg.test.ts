import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { withConnection } from '../../../src/postgres/connect.ts';
import { AgentSite, cli, quickRounds } from '../../support/agents.ts';
import { mailboxModel } from '../../support/mailbox-model.ts';
import { eventually } from '../../support/pair.ts';
import { startServer } from '../../support/server.ts';
import type { TestServer } from '../../support/server.ts';
import { ClashGroup, equalSites, twoSites } from '../../support/site-group.ts';

const MODEL = mailboxModel();
let server: TestServer;
const sites: AgentSite[] = [];
const group = new ClashGroup(sites, { schema: 'test', column: 'flag, role' });
const equal = (): Promise<void> => equalSites(sites, [MODEL]);

before(async () => {
  // Three sites of two appliers each on one server.
  server = await startServer(18, { max_active_replication_origins: '40' });
  await twoSites(sites, server, MODEL);
});

after(async () => {
  for (const site of sites) await site.remove();
  await server?.remove();
});

/** Writes one after the other, each at the site with this place, while no site hears of another. */
async function apart(...writes: [place: number, sql: string][]): Promise<void> {
  for (const site of sites) site.proxy.set('cut');
  try {
    for (const [place, sql] of writes) await sites[place]!.sql.query(sql);
  } finally {
    for (const site of sites) site.proxy.set('open');
  }
}

const put = (table: string, id: number): string =>
  `INSERT INTO test.${table} (id, flag, role) VALUES (${id}, '{seen}', '{r}')`;
const gone = (id: number): string => `DELETE FROM test.message WHERE id = ${id}`;
const flag = (table: string, id: number, flags: string): string =>
  `UPDATE test.${table} SET flag = '${flags}' WHERE id = ${id}`;

async function everywhere(table: string, id: number): Promise<void> {
  await sites[0]!.sql.query(put(table, id));
  await group.everywhere(table, id, `${id} {seen} {r}`);
}

test('a message that gets a flag while it is deleted stays with all of its flags', async () => {
  await everywhere('message', 10);
  await apart(
    [0, flag('message', 10, '{seen,work}')],
    [1, flag('message', 10, '{draft,seen}')],
    [1, `UPDATE test.message SET role = '{}' WHERE id = 10`],
    [0, gone(10)],
  );
  await group.everywhere('message', 10, '10 {draft,seen,work} {}');
  await group.recorded('message', 10, 'delete update-wins resolved');
  await sites[0]!.sql.query(flag('message', 10, '{draft}'));
  await group.everywhere('message', 10, '10 {draft} {}');
  await equal();
});

test('a removal between another one and an addition of the same flag is recorded', async () => {
  await everywhere('message', 20);
  await apart(
    [0, flag('message', 20, '{}')],
    [1, flag('message', 20, '{}')],
    [0, flag('message', 20, '{seen}')],
  );
  await group.everywhere('message', 20, '20 {seen} {r}');
  await group.recorded('message', 20, 'update add-wins resolved');
  await equal();
});

test('sets and a mean in one row, and a removal that wins', async () => {
  const columns = 'used, flag, role';
  await sites[0]!.sql.query(`INSERT INTO test.quota VALUES (30, 10, '{seen}', '{admin,r}')`);
  await group.everywhere('quota', 30, '30 10 {seen} {admin,r}', columns);
  await apart(
    [0, `UPDATE test.quota SET used = 20, flag = '{}', role = '{r}' WHERE id = 30`],
    [1, `UPDATE test.quota SET role = '{r}' WHERE id = 30`],
    [1, `UPDATE test.quota SET used = 40, flag = '{new,seen}', role = '{admin,r}' WHERE id = 30`],
  );
  await group.everywhere('quota', 30, '30 30 {new} {r}', columns);
  await group.recorded('quota', 30, 'update remove-wins resolved');
  await group.recorded('quota', 30, 'update average resolved');
  await equal();
});

test('of two rows with one key the earlier stands, and what is added to its sets', async () => {
  await apart(
    [0, `INSERT INTO test.first VALUES (40, '{one}', '{r}')`],
    [1, `INSERT INTO test.first VALUES (40, '{two}', '{}')`],
    [1, flag('first', 40, '{three,two}')],
    [0, flag('first', 40, '{four,one}')],
  );
  await group.everywhere('first', 40, '40 {four,one} {r}');
  await apart(
    [0, `DELETE FROM test.first WHERE id = 40`],
    [1, flag('first', 40, '{five,four,one}')],
  );
  await group.everywhere('first', 40, '40 {five,four,one} {r}');
  await equal();
});

test('a row that waits for its name takes part with all that sites add to its sets', async () => {
  const columns = 'name, flag, role';
  const box = (id: number, what: string): string => `UPDATE test.box SET ${what} WHERE id = ${id}`;
  await sites[0]!.sql.query(
    `INSERT INTO test.box VALUES (50, 'x', NULL, '{a}', '{}'), (51, 'y', NULL, '{b}', '{r}')`,
  );
  await group.everywhere('box', 50, '50 x {a} {}, 51 y {b} {r}', columns);
  await apart(
    [0, box(50, `name = 'n'`)],
    [1, box(51, `name = 'n', flag = '{b,c}'`)],
    [0, box(51, `flag = '{b,d}', role = '{}'`)],
  );
  await group.everywhere('box', 50, '50 n {a} {}', columns);
  await group.recorded('box', 51, 'uniqueness earliest parked');
  await sites[1]!.sql.query(box(50, `name = 'o'`));
  await group.everywhere('box', 50, '50 o {a} {}, 51 n {b,c,d} {}', columns);
  await equal();
});

test('a site that joins has the tags, and three sites add, remove and delete at once', async () => {
  await everywhere('message', 60);
  // Changes that are not stable are in the base copy.
  await apart([0, flag('message', 60, '{new,seen}')], [1, gone(60)]);
  const invitation = await sites[0]!.invite('three', 7);
  sites.push(await AgentSite.join(invitation, { adminUrl: await server.createDatabase('three') }));
  await sites[2]!.up();
  await group.everywhere('message', 60, '60 {new,seen} {r}');
  await everywhere('message', 61);
  for (const id of [60, 61]) {
    await apart(
      [0, gone(id)],
      [1, `UPDATE test.message SET flag = flag || '{one}', role = '{}' WHERE id = ${id}`],
      [2, `UPDATE test.message SET flag = array_remove(flag, 'seen') || '{two}' WHERE id = ${id}`],
    );
  }
  await group.everywhere('message', 60, '60 {new,one,two} {}, 61 {one,two} {}');
  await equal();
});

/** Writes of each site; they stay in the history for longer than they take. */
const ROUNDS = 30;

test('under load, while an agent crashes, the sites end equal', async () => {
  await everywhere('message', 70);
  const writing = sites.map(async ({ sql, config }, index) => {
    for (let round = 1; round <= ROUNDS; round++) {
      const [name, other] = [config.site, sites[(index + 1) % sites.length]!.config.site];
      await sql.query(
        `UPDATE test.message SET flag = array_remove(flag, $1) || $2::text, role = $3 WHERE id = 70`,
        [`${other}${round % 4}`, `${name}${round % 4}`, round % 3 === 0 ? [] : ['r', name]],
      );
      if (round % 10 === index) await sql.query(gone(70));
    }
  });
  await sites[1]!.end('SIGKILL');
  await sites[1]!.up();
  await Promise.all(writing);
  await equal();
});

test('the histories go when every site has them, and sets merge on', async () => {
  // Before, it had to be there: now it may go sooner.
  quickRounds();
  await Promise.all(sites.map((site) => site.restart()));
  const tables = MODEL.entities.map(({ name }) => `SELECT FROM crp.test_${name}_history`);
  for (const { config } of sites) {
    await withConnection(config.database.url, 'test', (client) =>
      eventually(`${config.site} has no history`, async () => {
        const { rowCount } = await client.query(tables.join(' UNION ALL '));
        return rowCount === 0;
      }),
    );
  }
  await apart(
    [0, flag('quota', 30, '{new,one}')],
    [1, flag('quota', 30, '{}')],
    [2, `UPDATE test.quota SET role = '{r,three}' WHERE id = 30`],
  );
  await group.everywhere('quota', 30, '30 {one} {r,three}');
  await equal();
});

test('verify mends array and tags as one, and what follows is equal', async () => {
  const [one, two] = sites as [AgentSite, AgentSite];
  await withConnection(two.config.database.url, 'test', async (client) => {
    await client.query(`SET session_replication_role = replica`);
    await client.query(`UPDATE test.quota SET flag = '{lie}', _crp_flag_tags = NULL WHERE id = 30`);
  });
  const mended = await cli('verify', '--dir', one.dir, '--repair');
  assert.match(mended.stdout, /1 rows differed; 1 repaired/);
  await equal();
  await apart([1, flag('quota', 30, '{one,two}')], [2, flag('quota', 30, '{}')]);
  await group.everywhere('quota', 30, '30 {two} {r,three}');
  await equal();
});
