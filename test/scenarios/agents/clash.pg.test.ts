import { after, before, test } from 'node:test';
import { connect, withConnection } from '../../../src/postgres/connect.ts';
import { digests } from '../../../src/repair/digest.ts';
import { AgentSite } from '../../support/agents.ts';
import { clashModel } from '../../support/clash-model.ts';
import { eventually } from '../../support/pair.ts';
import { startServer } from '../../support/server.ts';
import type { TestServer } from '../../support/server.ts';

const MODEL = clashModel();
let server: TestServer;
const sites: AgentSite[] = [];

before(async () => {
  server = await startServer(18);
  const adminUrl = await server.createDatabase('one');
  const first = await AgentSite.init('one', { adminUrl, model: MODEL });
  sites.push(first);
  await first.up();
  await joined('two', 2);
});

after(async () => {
  for (const site of sites) await site.remove();
  await server?.remove();
});

async function joined(name: string, number: number): Promise<void> {
  const invitation = await sites[0]!.invite(name, number);
  const site = await AgentSite.join(invitation, { adminUrl: await server.createDatabase(name) });
  sites.push(site);
  await site.up();
}

/** Writes at each site without knowledge of the others; the first statement is the first in time. */
async function apart(...statements: string[]): Promise<void> {
  for (const site of sites) site.proxy.set('cut');
  try {
    for (const [index, sql] of statements.entries()) await sites[index]!.sql.query(sql);
  } finally {
    for (const site of sites) site.proxy.set('open');
  }
}

async function rows(site: AgentSite, table: string, column: string, from: number): Promise<string> {
  const { rows: found } = await site.sql.query<{ v: string | null }>(
    `SELECT string_agg(concat_ws(' ', id, ${column}), ', ' ORDER BY id) AS v FROM test.${table}
     WHERE id >= ${from} AND id < ${from} + 10`,
  );
  return found[0]!.v ?? 'none';
}

/** The rows with ids from `from` on, ten at most. */
async function everywhere(
  table: string,
  from: number,
  wanted: string,
  column = 'name',
): Promise<void> {
  let found: string[] = [];
  await eventually(`${table} ${from}: ${wanted}`, async () => {
    found = await Promise.all(sites.map((site) => rows(site, table, column, from)));
    return found.every((one) => one === wanted);
  }).catch((error: Error) => {
    throw new Error(`${error.message}; found ${found.join(' | ')}`);
  });
}

/** What the sites say of one key: type, method and status of its records. */
async function recorded(entity: string, id: number, wanted: string): Promise<void> {
  let found: string[] = [];
  await eventually(`record of ${entity} ${id}: ${wanted}`, async () => {
    found = await Promise.all(sites.map((site) => record(site, entity, id)));
    return found.some((one) => one.includes(wanted));
  }).catch((error: Error) => {
    throw new Error(`${error.message}; found ${found.join(' | ')}`);
  });
}

function record(site: AgentSite, entity: string, id: number): Promise<string> {
  return withConnection(site.config.database.url, 'test', async (client) => {
    const { rows: found } = await client.query<{ v: string | null }>(
      `SELECT string_agg(DISTINCT concat_ws(' ', type, method, status), ', ') AS v FROM crp.conflict
       WHERE entity = $1 AND key->>'id' = $2`,
      [entity, String(id)],
    );
    return found[0]?.v ?? '';
  });
}

async function equal(): Promise<void> {
  const clients = await Promise.all(sites.map((site) => connect(site.config.database.url, 'test')));
  try {
    await eventually('sites are equal', async () => {
      const all = await Promise.all(clients.map((client) => digests(client, [MODEL])));
      return all.every((one) => JSON.stringify(one) === JSON.stringify(all[0]));
    });
  } finally {
    await Promise.all(clients.map((client) => client.end()));
  }
}

/** Two rows claim one name, the one with the smaller id first. */
async function clash(table: string, from: number): Promise<void> {
  await apart(
    `INSERT INTO test.${table} VALUES (${from}, 'same', 'first', 1)`,
    `INSERT INTO test.${table} VALUES (${from + 1}, 'same', 'second', 1)`,
  );
}

function atSites(from: number): void {
  test(`earliest: the earlier claim stands, the other row waits whole (${from})`, async () => {
    await clash('earliest', from);
    await everywhere('earliest', from, `${from} same`);
    await recorded('earliest', from + 1, 'uniqueness earliest parked');
    await sites[0]!.sql.query(`UPDATE test.earliest SET name = 'other' WHERE id = ${from}`);
    await everywhere('earliest', from, `${from} other, ${from + 1} same`);
    await recorded('earliest', from + 1, 'uniqueness earliest resolved');
    await equal();
  });

  test(`latest: the later claim stands, and when it goes the other row is back (${from})`, async () => {
    await clash('latest', from);
    await everywhere('latest', from, `${from + 1} same`);
    await sites[0]!.sql.query(`DELETE FROM test.latest WHERE id = ${from + 1}`);
    await everywhere('latest', from, `${from} same`);
    await equal();
  });

  test(`append-site: the later one gets the name of its site appended (${from})`, async () => {
    await clash('append_site', from);
    await everywhere('append_site', from, `${from} same, ${from + 1} same@two`);
    await equal();
  });

  test(`append-sequence: the later one gets a number (${from})`, async () => {
    await sites[0]!.sql.query(
      `INSERT INTO test.append_sequence VALUES (${from + 2}, 'same#2', 'taken', 1)`,
    );
    await everywhere('append_sequence', from, `${from + 2} same#2`);
    await clash('append_sequence', from);
    await everywhere(
      'append_sequence',
      from,
      `${from} same, ${from + 1} same#3, ${from + 2} same#2`,
    );
    await equal();
  });
}

atSites(10);

test('a unique value that two rows exchange in one transaction is exchanged, also set-based', async () => {
  const [one] = sites as [AgentSite];
  await one.sql.query(
    `INSERT INTO test.park SELECT g, 'n' || g, 'x', 1 FROM generate_series(100, 409) AS g`,
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
  // All 300 change places by one, in one transaction.
  await one.sql.query(`BEGIN; UPDATE test.park SET name = 't' || id WHERE id > 109;
    UPDATE test.park SET name = 'n' || (110 + (id - 109) % 300) WHERE id > 109; COMMIT`);
  await everywhere(
    'park',
    400,
    rowsFrom(400, (id) => `n${id < 409 ? id + 1 : 110}`),
  );
  await equal();
});

function rowsFrom(from: number, name: (id: number) => string): string {
  return Array.from({ length: 10 }, (_, at) => `${from + at} ${name(from + at)}`).join(', ');
}
