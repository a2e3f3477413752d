import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { trimHistory } from '../../../src/apply/history/history-trim.ts';
import { withConnection } from '../../../src/postgres/connect.ts';
import { useReplicationOrigin } from '../../../src/postgres/origin.ts';
import { AgentSite } from '../../support/agents.ts';
import { eventually } from '../../support/pair.ts';
import { modelOf } from '../../support/rules-model.ts';
import { startServer } from '../../support/server.ts';
import type { TestServer } from '../../support/server.ts';
import { ClashGroup, equalSites, twoSites } from '../../support/site-group.ts';

/** What constraints forbid in entities that keep history: `note` takes the first of two writes. */
const RULES = ['park', 'earliest', 'latest'];
const MODEL = modelOf(
  [
    `list parent { key id; crp:entity "parent"; leaf id { type int32; } leaf note { type string; } }`,
    ...RULES.map(
      (rule) => `list ${rule} {
        key id;
        unique name { crp:on-unique-clash "${rule}"; }
        crp:entity "${rule}" {
          crp:column-group "name"; crp:column-group "note" { crp:resolve "crp:discard"; }
        }
        leaf id { type int32; }
        leaf name { type string; crp:in-group "name"; }
        leaf note { type string; crp:in-group "note"; }
      }`,
    ),
    `list first {
      key id;
      unique name { crp:on-unique-clash "latest"; }
      crp:entity "first" { crp:on-unique-clash "earliest"; }
      leaf id { type int32; }
      leaf name { type string; }
      leaf note { type string; }
    }`,
    `list child {
      key id;
      crp:entity "child" { crp:column-group "note" { crp:resolve "crp:discard"; } }
      leaf id { type int32; }
      leaf of { type leafref { path "/t:parent/t:id"; } crp:on-orphan "park"; }
      leaf note { type string; crp:in-group "note"; }
    }`,
  ].join('\n'),
);

let server: TestServer;
const sites: AgentSite[] = [];
const group = new ClashGroup(sites, { schema: 'test', column: 'name, note' });
const equal = (): Promise<void> => equalSites(sites, [MODEL]);

before(async () => {
  server = await startServer(18);
  await twoSites(sites, server, MODEL);
});

after(async () => {
  for (const site of sites) await site.remove();
  await server?.remove();
});

/** Two rows claim one name, the one with the smaller id first. */
async function clash(table: string, from: number): Promise<void> {
  await group.apart(
    `INSERT INTO test.${table} VALUES (${from}, 's${from}', 'first')`,
    `INSERT INTO test.${table} VALUES (${from + 1}, 's${from}', 'second')`,
  );
}

/** The sites take everything for stable that they have. */
async function trimAll(name: string, some: readonly AgentSite[] = sites): Promise<void> {
  const entity = MODEL.entities.find((one) => one.name === name)!;
  for (const { config } of some) {
    await withConnection(config.database.url, 'test', async (client) => {
      await useReplicationOrigin(client, `test_trim_${config.site}`);
      await trimHistory(client, entity, { stable: 2n ** 62n, names: () => new Map() });
    });
  }
}

/** The note of the other site's row that waits at a site, among ids from `from` on. */
function parkedNote({ config }: AgentSite, from: number): Promise<string | undefined> {
  return withConnection(config.database.url, 'test', async (client) => {
    const { rows } = await client.query<{ note: string }>(
      `SELECT remote_row->>'note' AS note FROM crp.conflict WHERE entity = 'park' AND status = 'parked'
         AND key->>'id' IN ('${from}', '${from + 1}')`,
    );
    return rows[0]?.note;
  });
}

/** @param isTrimmed all that is known of the rows is stable before the value gets free */
function atSites(from: number, isTrimmed: boolean): void {
  test(`earliest: the earlier claim stands, the other row waits whole (${from})`, async () => {
    await clash('earliest', from);
    await group.everywhere('earliest', from, `${from} s${from} first`);
    await group.recorded('earliest', from + 1, 'uniqueness earliest parked');
    if (isTrimmed) await trimAll('earliest');
    await sites[0]!.sql.query(`UPDATE test.earliest SET name = 'o${from}' WHERE id = ${from}`);
    await group.everywhere('earliest', from, `${from} o${from} first, ${from + 1} s${from} second`);
    await group.recorded('earliest', from + 1, 'uniqueness earliest resolved');
    await equal();
  });

  test(`latest: the later claim stands, and when it goes the other row is back (${from})`, async () => {
    const [one] = sites as [AgentSite];
    await one.sql.query(`INSERT INTO test.latest VALUES (${from}, 'old${from}', 'first')`);
    await group.everywhere('latest', from, `${from} old${from} first`);
    if (isTrimmed) await trimAll('latest');
    await group.apart(
      `UPDATE test.latest SET name = 's${from}' WHERE id = ${from}`,
      `INSERT INTO test.latest VALUES (${from + 1}, 's${from}', 'second')`,
    );
    await group.everywhere('latest', from, `${from + 1} s${from} second`);
    if (isTrimmed) await trimAll('latest');
    await one.sql.query(`DELETE FROM test.latest WHERE id = ${from + 1}`);
    await group.everywhere('latest', from, `${from} s${from} first`);
    await equal();
  });

  test(`park: both stay where they were made, and what is written meanwhile is not lost (${from})`, async () => {
    const [one, two] = sites as [AgentSite, AgentSite];
    await clash('park', from);
    await eventually('at each site the other row waits', async () => {
      const [atOne, atTwo] = await Promise.all([one, two].map((site) => parkedNote(site, from)));
      return atOne === 'second' && atTwo === 'first';
    });
    assert.equal(await group.rows(one, 'park', from), `${from} s${from} first`);
    assert.equal(await group.rows(two, 'park', from), `${from + 1} s${from} second`);
    await two.sql.query(`UPDATE test.park SET note = 'changed' WHERE id = ${from + 1}`);
    await eventually(
      'the change waits too',
      async () => (await parkedNote(one, from)) === 'changed',
    );
    if (isTrimmed) await trimAll('park');
    await one.sql.query(`UPDATE test.park SET name = 'free${from}' WHERE id = ${from}`);
    await group.everywhere('park', from, `${from} free${from} first, ${from + 1} s${from} changed`);
    await group.recorded('park', from, 'uniqueness park resolved');
    await equal();
  });

  test(`a row whose target is gone waits for it (${from})`, async () => {
    const [one] = sites as [AgentSite];
    const column = `coalesce(of::text, '-'), note`;
    await one.sql.query(`INSERT INTO test.parent VALUES (${from}, 'x')`);
    await group.everywhere('parent', from, `${from} x`, 'note');
    await group.apart(
      `DELETE FROM test.parent WHERE id = ${from}`,
      `INSERT INTO test.child VALUES (${from}, ${from}, 'mine')`,
    );
    await group.recorded('child', from, 'orphan park parked');
    await group.everywhere('child', from, 'none', column);
    if (isTrimmed) await trimAll('child');
    await one.sql.query(`INSERT INTO test.parent VALUES (${from}, 'again')`);
    await group.everywhere('child', from, `${from} ${from} mine`, column);
    await equal();
  });
}

atSites(10, false);

test('the older form of a row that waits is changed when all else is stable: both count', async () => {
  const [one] = sites as [AgentSite];
  await one.sql.query(`INSERT INTO test.park VALUES (61, 'old', 'n')`);
  await group.everywhere('park', 60, '61 old n');
  await group.apart(
    `INSERT INTO test.park VALUES (60, 'wanted', 'first')`,
    `UPDATE test.park SET name = 'wanted' WHERE id = 61`,
  );
  await eventually('the change waits', async () => (await parkedNote(one, 60)) === 'n');
  await trimAll('park');
  await one.sql.query(`UPDATE test.park SET note = 'late' WHERE id = 61`);
  await one.sql.query(`UPDATE test.park SET name = 'other' WHERE id = 60`);
  await group.everywhere('park', 60, '60 other first, 61 wanted late');
  await equal();
});

test('a row of which nothing is recorded is taken out, and its key inserted again: the first one stands', async () => {
  const [one, two] = sites as [AgentSite, AgentSite];
  await one.sql.query(`INSERT INTO test.first VALUES (60, 'a', 'first')`);
  await group.everywhere('first', 60, '60 a first');
  for (const site of sites) site.proxy.set('cut');
  await one.sql.query(`UPDATE test.first SET name = 'z' WHERE id = 60`);
  await two.sql.query(`INSERT INTO test.first VALUES (61, 'z', 'second')`);
  await trimAll('first', [one]);
  for (const site of sites) site.proxy.set('open');
  await group.everywhere('first', 60, '61 z second');
  await one.sql.query(`INSERT INTO test.first VALUES (60, 'w', 'again')`);
  await two.sql.query(`DELETE FROM test.first WHERE id = 61`);
  await group.everywhere('first', 60, '60 z first');
  await equal();
});

atSites(20, true);

test('a site that joins has what waits, and lets it in by itself', async () => {
  await clash('earliest', 30);
  await group.everywhere('earliest', 30, '30 s30 first');
  await group.recorded('earliest', 31, 'uniqueness earliest parked');
  const invitation = await sites[0]!.invite('three', 3);
  const three = await AgentSite.join(invitation, {
    adminUrl: await server.createDatabase('three'),
  });
  sites.push(three);
  await three.up();
  await group.everywhere('earliest', 30, '30 s30 first');
  await sites[0]!.sql.query(`DELETE FROM test.earliest WHERE id = 30`);
  await group.everywhere('earliest', 30, '31 s30 second');
  await equal();
});

atSites(40, true);
