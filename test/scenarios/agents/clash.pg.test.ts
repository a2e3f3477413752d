import { after, before, test } from 'node:test';
import { connect } from '../../../src/postgres/connect.ts';
import { AgentSite } from '../../support/agents.ts';
import { clashModel } from '../../support/clash-model.ts';
import { eventually } from '../../support/pair.ts';
import { startServer } from '../../support/server.ts';
import type { TestServer } from '../../support/server.ts';
import { ClashGroup, equalSites, twoSites, joinSite } from '../../support/site-group.ts';

const MODEL = clashModel();
let server: TestServer;
const sites: AgentSite[] = [];

before(async () => {
  server = await startServer(18);
  await twoSites(sites, server, MODEL);
});

after(async () => {
  for (const site of sites) await site.remove();
  await server?.remove();
});

async function joined(name: string, number: number): Promise<void> {
  await joinSite(sites, { name, number, adminUrl: await server.createDatabase(name) });
}

const group = new ClashGroup(sites, { schema: 'test', column: 'name' });
const apart = group.apart.bind(group);
const everywhere = group.everywhere.bind(group);
const recorded = group.recorded.bind(group);
const equal = (): Promise<void> => equalSites(sites, [MODEL]);

async function counted(of: string, wanted: number): Promise<boolean> {
  const found = await Promise.all(
    sites.map((site) =>
      site.sql.query<{ n: number }>(`SELECT count(*)::integer AS n FROM test.${of}`),
    ),
  );
  return found.every((result) => result.rows[0]!.n === wanted);
}

/** Two rows claim one name, the one with the smaller id first. */
async function clash(table: string, from: number): Promise<void> {
  await apart(
    `INSERT INTO test.${table} VALUES (${from}, 's${from}', 'first', 1)`,
    `INSERT INTO test.${table} VALUES (${from + 1}, 's${from}', 'second', 1)`,
  );
}

function atSites(from: number): void {
  test(`earliest: the earlier claim stands, the other row waits whole (${from})`, async () => {
    await clash('earliest', from);
    await everywhere('earliest', from, `${from} s${from}`);
    await recorded('earliest', from + 1, 'uniqueness earliest parked');
    await sites[0]!.sql.query(`UPDATE test.earliest SET name = 'o${from}' WHERE id = ${from}`);
    await everywhere('earliest', from, `${from} o${from}, ${from + 1} s${from}`);
    await recorded('earliest', from + 1, 'uniqueness earliest resolved');
    await equal();
  });

  test(`latest: the later claim stands, and when it goes the other row is back (${from})`, async () => {
    await clash('latest', from);
    await everywhere('latest', from, `${from + 1} s${from}`);
    await sites[0]!.sql.query(`DELETE FROM test.latest WHERE id = ${from + 1}`);
    await everywhere('latest', from, `${from} s${from}`);
    await equal();
  });

  test(`append-site: the later one gets the name of its site appended (${from})`, async () => {
    await clash('append_site', from);
    await everywhere('append_site', from, `${from} s${from}, ${from + 1} s${from}@two`);
    await equal();
  });

  test(`append-sequence: the later one gets a number (${from})`, async () => {
    await sites[0]!.sql.query(
      `INSERT INTO test.append_sequence VALUES (${from + 2}, 's${from}#2', 'taken', 1)`,
    );
    await everywhere('append_sequence', from, `${from + 2} s${from}#2`);
    await clash('append_sequence', from);
    await everywhere(
      'append_sequence',
      from,
      `${from} s${from}, ${from + 1} s${from}#3, ${from + 2} s${from}#2`,
    );
    await equal();
  });

  for (const [rule, table, wanted, parent] of [
    ['set-null', 'child_set_null', (id: number) => `${id} - x`, 0],
    ['delete', 'child_delete', () => 'none', 0],
    ['restore', 'child_restore', (id: number) => `${id} ${id} x`, 1],
    ['park', 'child_park', () => 'none', 0],
  ] as const) {
    test(`on-orphan ${rule}: the parent is deleted while another site refers to it (${from})`, async () => {
      const id = from + rule.length;
      const [one] = sites as [AgentSite];
      await one.sql.query(`INSERT INTO test.parent VALUES (${id}, 'back')`);
      await eventually('the parent is everywhere', () => counted(`parent WHERE id = ${id}`, 1));
      await apart(
        `DELETE FROM test.parent WHERE id = ${id}`,
        `INSERT INTO test.${table} VALUES (${id}, ${id}, 'x')`,
      );
      await recorded(`child-${rule}`, id, `orphan ${rule}`);
      await everywhere(table, from, wanted(id), `coalesce(of::text, '-'), note`);
      await eventually('the parent is as it should be', () =>
        counted(`parent WHERE id = ${id} AND note = 'back'`, parent),
      );
      await equal();
      if (rule !== 'park') return;
      await one.sql.query(`INSERT INTO test.parent VALUES (${id}, 'again')`);
      await everywhere(table, from, `${id} ${id} x`, 'of, note');
      await equal();
      await one.sql.query(`DELETE FROM test.child_park`);
      await one.sql.query(`DELETE FROM test.parent WHERE id = ${id}`);
      await eventually('all gone', () => counted(`parent WHERE id = ${id}`, 0));
    });
  }

  test(`check: a merged row that breaks a check waits, other keys go on, a change lets it in (${from})`, async () => {
    for (const site of sites) {
      const admin = await connect(site.adminUrl, 'test');
      await admin.query('ALTER TABLE test.park DROP CONSTRAINT IF EXISTS modest');
      await admin.query(
        `ALTER TABLE test.park ADD CONSTRAINT modest CHECK (id < 10 OR name <> note)`,
      );
      await admin.end();
    }
    await sites[0]!.sql.query(`INSERT INTO test.park VALUES (${from}, 'a${from}', 'b${from}', 0)`);
    await everywhere('park', from, `${from} a${from} b${from} 0`, 'name, note, uses');
    // Each is right, and both together are not; the counter is merged whatever becomes of the rest.
    await apart(
      `UPDATE test.park SET name = 'c${from}', uses = uses + 1 WHERE id = ${from}`,
      `UPDATE test.park SET note = 'c${from}', uses = uses + 10 WHERE id = ${from}`,
    );
    await recorded('park', from, 'check park parked');
    await sites[1]!.sql.query(`INSERT INTO test.park VALUES (${from + 1}, 'free${from}', 'x', 0)`);
    await eventually('other keys go on', () => counted(`park WHERE id = ${from + 1}`, 1));
    // While it waits the row goes on too: nothing of it is lost or counted twice.
    await sites[0]!.sql.query(`UPDATE test.park SET uses = uses + 100 WHERE id = ${from}`);
    await sites[1]!.sql.query(`UPDATE test.park SET uses = uses + 1000 WHERE id = ${from}`);
    await sites[0]!.sql.query(`UPDATE test.park SET name = 'd${from}' WHERE id = ${from}`);
    const rows = `${from} d${from} c${from} 1111, ${from + 1} free${from} x 0`;
    await everywhere('park', from, rows, 'name, note, uses');
    await recorded('park', from, 'check park resolved');
    await equal();
  });
}

atSites(10);

test('what waits survives a crash of the agent, and a site that joins meanwhile has it too', async () => {
  await clash('earliest', 50);
  await everywhere('earliest', 50, '50 s50');
  await recorded('earliest', 51, 'parked');
  const [one] = sites as [AgentSite];
  await one.end('SIGKILL');
  await one.up();
  await joined('three', 7);
  await everywhere('earliest', 50, '50 s50');
  // Every site lets the waiting row in by itself: only the update of the other row travels.
  await one.sql.query(`UPDATE test.earliest SET name = 'moved' WHERE id = 50`);
  await everywhere('earliest', 50, '50 moved, 51 s50');
  await equal();
});

atSites(20);

test('three claims at once: one stands, the others take turns as the value gets free', async () => {
  const claims = [60, 61, 62].map(
    (id) => `INSERT INTO test.earliest VALUES (${id}, 'trio', 'x', 1)`,
  );
  await apart(...claims);
  await everywhere('earliest', 60, '60 trio');
  await sites[2]!.sql.query(`DELETE FROM test.earliest WHERE id = 60`);
  await everywhere('earliest', 60, '61 trio');
  await sites[0]!.sql.query(`DELETE FROM test.earliest WHERE id = 61`);
  await everywhere('earliest', 60, '62 trio');
  await apart(...claims.map((sql) => sql.replaceAll('earliest', 'append_sequence')));
  await equal();
  // Which numbers they get depends on who resolves first; they are the same at every site.
  await eventually('all three are there, one with the name itself', async () =>
    /^60 trio, 61 trio#\d, 62 trio#\d$/.test(await group.rows(sites[0]!, 'append_sequence', 60)),
  );
  await equal();
});

test('a row that waits is updated at its own site at the same time: nothing of it is lost', async () => {
  await apart(
    `INSERT INTO test.earliest VALUES (70, 'busy', 'x', 1)`,
    `INSERT INTO test.earliest VALUES (71, 'busy', 'x', 1);
     UPDATE test.earliest SET note = 'changed', uses = uses + 5 WHERE id = 71`,
    `SELECT 1`,
  );
  await everywhere('earliest', 70, '70 busy');
  await apart(`DELETE FROM test.earliest WHERE id = 70`, `SELECT 1`);
  await everywhere('earliest', 70, '71 busy changed 6', 'name, note, uses');
  await equal();
});

test('a third site that never had both rows follows what the others derived', async () => {
  const [one, two, three] = sites as [AgentSite, AgentSite, AgentSite];
  three.proxy.set('cut');
  one.proxy.set('cut');
  await one.sql.query(`INSERT INTO test.append_site VALUES (80, 'seen', 'x', 1)`);
  await two.sql.query(`INSERT INTO test.append_site VALUES (81, 'seen', 'x', 1)`);
  one.proxy.set('open');
  await eventually('the two have settled it', async () => {
    const all = await Promise.all([one, two].map((site) => group.rows(site, 'append_site', 80)));
    return all.every((found) => found === '80 seen, 81 seen@two');
  });
  await one.sql.query(`DELETE FROM test.append_site WHERE id = 80`);
  three.proxy.set('open');
  await everywhere('append_site', 80, '81 seen@two');
  await equal();
});

test('a unique value that two rows exchange in one transaction is exchanged, also set-based', async () => {
  const [one] = sites as [AgentSite];
  await one.sql.query(
    `INSERT INTO test.park SELECT g, 'n' || g, 'x', 1 FROM generate_series(100, 169) AS g`,
  );
  await everywhere(
    'park',
    100,
    rowsFrom(100, (id) => `n${id}`),
  );
  await one.sql.query(`BEGIN; UPDATE test.park SET name = 'tmp' WHERE id = 100;
    UPDATE test.park SET name = 'n100' WHERE id = 101; UPDATE test.park SET name = 'n101' WHERE id = 100; COMMIT`);
  await everywhere(
    'park',
    100,
    rowsFrom(100, (id) => `n${id < 102 ? 201 - id : id}`),
  );
  // All but ten change places by one, in one transaction.
  await one.sql.query(`BEGIN; UPDATE test.park SET name = 't' || id WHERE id > 109;
    UPDATE test.park SET name = 'n' || (110 + (id - 109) % 60) WHERE id > 109; COMMIT`);
  await everywhere(
    'park',
    160,
    rowsFrom(160, (id) => `n${id < 169 ? id + 1 : 110}`),
  );
  await equal();
});

function rowsFrom(from: number, name: (id: number) => string): string {
  return Array.from({ length: 10 }, (_, at) => `${from + at} ${name(from + at)}`).join(', ');
}
