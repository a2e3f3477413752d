import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Client } from 'pg';
import { importTables } from '../../../src/model/import/import-tables.ts';
import type { Model } from '../../../src/model/ir/ir.ts';
import { connect, withConnection } from '../../../src/postgres/connect.ts';
import { digests } from '../../../src/repair/digest.ts';
import { readTables } from '../../../src/sql/tables/read-tables.ts';
import { AgentSite } from '../../support/agents.ts';
import { compileTexts } from '../../support/model-text.ts';
import { eventually } from '../../support/pair.ts';
import { hasDebian15, startServer } from '../../support/server.ts';
import type { TestServer } from '../../support/server.ts';
import { BANK, BANK_ROWS, Traffic } from '../../support/traffic.ts';

/*
 * Tables of a service with data and traffic become replicated: version 18 and 15 (where it is installed)
 * together in one group.
 */

const servers: TestServer[] = [];
const sites: AgentSite[] = [];
const sessions: Client[] = [];
let model: Model;

before(async () => {
  servers.push(await startServer(18));
  servers.push(hasDebian15() ? await startServer(15) : servers[0]!);
});

after(async () => {
  for (const session of sessions) await session.end();
  for (const site of sites) await site.remove();
  for (const server of new Set(servers)) await server.remove();
});

async function bank(server: TestServer, name: string, rows = ''): Promise<string> {
  const dsn = await server.createDatabase(name);
  await withConnection(dsn, 'test', (client) => client.query(`${BANK}; ${rows}`));
  sessions.push(await connect(dsn, 'test bank'));
  return dsn;
}

/** As `syncline model import-sql` writes it, with the decisions made. */
async function bankModel(client: Client): Promise<Model> {
  const tables = await readTables(client, { schema: 'public', tables: ['account', 'journal'] });
  const text = importTables(tables, { module: 'bank', service: 'bank', revision: '2026-11-25' })
    .replace('// crp:fire-always "count_it"', 'crp:fire-always "count_it"')
    .replace(
      /crp:entity "account" \{/,
      'crp:entity "account" { crp:column-group "money" { crp:resolve "crp:additive"; }',
    )
    .replace(/(leaf balance \{\s+type int64;)/, '$1 crp:in-group "money";')
    .replace(/(leaf writes \{\s+type int32;)/, '$1 crp:in-group "money";');
  const { models, diagnostics } = compileTexts(text);
  const errors = diagnostics.filter(({ severity }) => severity === 'error');
  assert.deepEqual(errors, [], text);
  return models[0]!;
}

async function equal(): Promise<void> {
  await eventually('the sites are equal', async () => {
    const all = await Promise.all(sessions.map((client) => digests(client, [model])));
    return all.every((one) => JSON.stringify(one) === JSON.stringify(all[0]));
  });
}

async function number(client: Client, sql: string): Promise<number> {
  return Number(Object.values((await client.query<Record<string, unknown>>(sql)).rows[0]!)[0]);
}

test('tables with data are adopted under traffic and joined; nothing is lost and no key is given twice', async () => {
  const dsn = await bank(servers[0]!, 'one', BANK_ROWS);
  model = await bankModel(sessions[0]!);
  const traffic = [new Traffic(dsn)];
  traffic[0]!.start(3);
  try {
    await traffic[0]!.more(100);
    sites.push(await AgentSite.init('one', { adminUrl: dsn, model }));
    await traffic[0]!.more(100);
    await sites[0]!.up();
    await traffic[0]!.more(100);
    const other = await bank(servers[1]!, 'two');
    sites.push(await AgentSite.join(await sites[0]!.invite('two', 2), { adminUrl: other }));
    await sites[1]!.up();
    await traffic[0]!.more(100);
    traffic.push(new Traffic(other));
    traffic[1]!.start(2);
    await traffic[1]!.more(200);
  } finally {
    for (const one of traffic) await one.stop();
  }
  await equal();
  const entries = traffic.flatMap((one) => [...one.entries]);
  assert.equal(new Set(entries).size, entries.length, 'a key was given twice');
  for (const [index, client] of sessions.entries()) {
    assert.equal(await number(client, 'SELECT sum(balance) FROM account'), 50_000);
    assert.equal(await number(client, 'SELECT sum(writes) FROM account'), 2 * entries.length);
    assert.equal(
      await number(client, 'SELECT count(*) FROM account WHERE doubled = balance * 2'),
      50,
    );
    const { rows } = await client.query<{ id: string }>('SELECT id FROM journal WHERE amount = 1');
    const found = new Set(rows.map((row) => Number(row.id)));
    assert.deepEqual(
      entries.filter((id) => !found.has(id)),
      [],
      `site ${index + 1} lacks rows`,
    );
    assert.equal(
      await number(client, 'SELECT count(*) FROM crp.conflict WHERE status = $$parked$$'),
      0,
    );
  }
  for (const one of traffic) {
    assert.deepEqual(one.errors, []);
    // Tenths of a second where nothing else runs; one that waits for locks without end takes far longer.
    assert.ok(one.longestMs < 120_000, `a transaction took ${one.longestMs} ms`);
  }
});

test('triggers that fire always count at both sites, the others only where the row was written', async () => {
  const before = await Promise.all(
    sessions.map((client) =>
      Promise.all([
        number(client, 'SELECT n FROM journal_count'),
        number(client, 'SELECT n FROM audit'),
      ]),
    ),
  );
  await sessions[0]!.query('INSERT INTO journal (amount) VALUES (5), (6)');
  await equal();
  for (const [index, client] of sessions.entries()) {
    assert.equal(await number(client, 'SELECT n FROM journal_count'), before[index]![0]! + 2);
    const audited = before[index]![1]! + (index === 0 ? 2 : 0);
    assert.equal(await number(client, 'SELECT n FROM audit'), audited);
  }
});
