import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { compileModels } from '../../../src/model/compile.ts';
import type { Client } from 'pg';
import type { Model } from '../../../src/model/ir/ir.ts';
import { withConnection } from '../../../src/postgres/connect.ts';
import { compileTexts, moduleText, SEARCH_PATH } from '../../support/model-text.ts';
import { eventually, TestSite } from '../../support/pair.ts';
import { startServer } from '../../support/server.ts';
import type { TestServer } from '../../support/server.ts';
import { ROOT } from '../../support/root.ts';

let server: TestServer;
before(async () => {
  server = await startServer(18);
});
after(() => server.remove());

/** Two connected sites with a model; `work` may cut and connect them. */
async function withSites(
  name: string,
  model: Model,
  options: { prepare?: (sql: Client) => Promise<unknown> },
  work: (sites: Sites) => Promise<void>,
): Promise<void> {
  const create = async (number: number, suffix: string): Promise<TestSite> => {
    const dsn = await server.createDatabase(`${name}_${suffix}`);
    if (options.prepare !== undefined) await withConnection(dsn, 'test', options.prepare);
    return TestSite.create(number, dsn, model);
  };
  const a = await create(1, 'a');
  const b = await create(2, 'b');
  const sites = new Sites(a, b, model);
  try {
    await sites.connect();
    await work(sites);
  } finally {
    await a.remove();
    await b.remove();
  }
}

class Sites {
  readonly a: TestSite;
  readonly b: TestSite;
  readonly #model: Model;

  constructor(a: TestSite, b: TestSite, model: Model) {
    this.a = a;
    this.b = b;
    this.#model = model;
  }

  async connect(): Promise<void> {
    await this.a.start(this.b, this.#model);
    await this.b.start(this.a, this.#model);
  }

  async cut(): Promise<void> {
    await this.a.stop();
    await this.b.stop();
  }

  /** Waits until a query gives these rows at both sites. */
  async both(sql: string, expected: unknown[]): Promise<void> {
    let seen: unknown;
    await eventually(`${sql} gives ${JSON.stringify(expected)}`, async () => {
      const results = await Promise.all([this.a, this.b].map((site) => site.sql.query(sql)));
      seen = results.map((result) => result.rows);
      return results.every((result) => JSON.stringify(result.rows) === JSON.stringify(expected));
    }).catch((error: unknown) => assert.deepEqual(seen, [expected, expected], String(error)));
  }
}

test('DNS: TTL and data of one set merge, and a deleted zone takes its sets with it', async () => {
  const { models } = compileModels({
    files: [join(ROOT, 'models/dns/common-dns-zone.yang')],
    searchPath: SEARCH_PATH,
  });
  await withSites('dns', models[0]!, {}, async (sites) => {
    const { a, b } = sites;
    await a.sql.query(
      `INSERT INTO dns.zone (name, soa_mname, soa_rname) VALUES ('x.', 'ns.x.', 'h.x.')`,
    );
    await a.sql.query(`INSERT INTO dns.rrset VALUES ('x.', 'www.x.', 'A', 3600, '{192.0.2.1}')`);
    const SET = 'SELECT ttl::integer, rdata FROM dns.rrset';
    await sites.both(SET, [{ ttl: 3600, rdata: ['192.0.2.1'] }]);
    await sites.cut();
    await a.sql.query('UPDATE dns.rrset SET ttl = 60');
    await b.sql.query(`UPDATE dns.rrset SET rdata = '{192.0.2.2,192.0.2.3}'`);
    await sites.connect();
    await sites.both(SET, [{ ttl: 60, rdata: ['192.0.2.2', '192.0.2.3'] }]);
    await sites.both('SELECT count(*)::integer AS n FROM crp.conflict', [{ n: 0 }]);
    await b.sql.query(`DELETE FROM dns.zone`);
    await sites.both('SELECT count(*)::integer AS n FROM dns.zone', [{ n: 0 }]);
    await sites.both('SELECT count(*)::integer AS n FROM dns.rrset', [{ n: 0 }]);
  });
});

/** The shape of Kea's table with one of its counting triggers, which call functions without a schema. */
const KEA = `
  CREATE TABLE lease4 (address bigint PRIMARY KEY, hwaddr bytea, client_id bytea, valid_lifetime bigint,
    expire timestamptz, subnet_id bigint, fqdn_fwd boolean, fqdn_rev boolean, hostname varchar(255),
    state bigint DEFAULT 0, user_context text);
  CREATE TABLE lease6 (address varchar(39) PRIMARY KEY, duid bytea, valid_lifetime bigint,
    expire timestamptz, subnet_id bigint, pref_lifetime bigint, lease_type smallint, iaid integer,
    prefix_len smallint, fqdn_fwd boolean, fqdn_rev boolean, hostname varchar(255),
    state bigint DEFAULT 0, hwaddr bytea, hwtype smallint, hwaddr_source smallint, user_context text);
  CREATE TABLE lease_stat (leases bigint NOT NULL);
  INSERT INTO lease_stat VALUES (0);
  CREATE FUNCTION one() RETURNS integer LANGUAGE sql AS 'SELECT 1';
  CREATE FUNCTION more() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN UPDATE lease_stat SET leases = leases + one(); RETURN NULL; END';
  CREATE FUNCTION fewer() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN UPDATE lease_stat SET leases = leases - one(); RETURN NULL; END';
  CREATE FUNCTION same() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
  ${['lease4', 'lease6']
    .map(
      (table) => `
  CREATE TRIGGER ${table}_ains AFTER INSERT ON ${table} FOR EACH ROW EXECUTE FUNCTION more();
  CREATE TRIGGER ${table}_aupd AFTER UPDATE ON ${table} FOR EACH ROW EXECUTE FUNCTION same();
  CREATE TRIGGER ${table}_adel AFTER DELETE ON ${table} FOR EACH ROW EXECUTE FUNCTION fewer();`,
    )
    .join('')}`;

test('Kea: adopted tables replicate, and its own triggers count at both sites', async () => {
  const { models, diagnostics } = compileModels({
    files: [join(ROOT, 'models/kea/kea-lease.yang')],
    searchPath: SEARCH_PATH,
  });
  assert.deepEqual(diagnostics, []);
  const prepare = (sql: Client): Promise<unknown> => sql.query(KEA);
  await withSites('kea', models[0]!, { prepare }, async (sites) => {
    const { a, b } = sites;
    await a.sql.query(`INSERT INTO lease4 (address, hwaddr, expire, subnet_id)
      SELECT i, '\\x01', '2026-11-24', 1 FROM generate_series(1, 500) AS i`);
    await sites.both('SELECT leases::integer AS n FROM lease_stat', [{ n: 500 }]);
    await sites.cut();
    await a.sql.query(`UPDATE lease4 SET expire = '2026-11-25', state = 1 WHERE address = 1`);
    await b.sql.query(`UPDATE lease4 SET hostname = 'x' WHERE address = 1`);
    await b.sql.query('DELETE FROM lease4 WHERE address > 400');
    await sites.connect();
    await sites.both('SELECT leases::integer AS n FROM lease_stat', [{ n: 400 }]);
    await sites.both('SELECT state::integer, hostname FROM lease4 WHERE address = 1', [
      { state: 1, hostname: 'x' },
    ]);
  });
});

const ALL = moduleText(`
  identity animal; identity cat { base animal; }
  list row { key "id name"; crp:entity "row"; leaf id { type uint8; } leaf name { type string; }
    leaf u64 { type uint64; } leaf money { type decimal64 { fraction-digits 2; } }
    leaf data { type binary; } leaf flags { type bits { bit a; bit b; } }
    leaf pet { type identityref { base animal; } } leaf mark { type empty; }
    leaf at { type yang:date-and-time; } leaf mac { type yang:mac-address; }
    leaf id2 { type yang:uuid; } leaf net { type inet:ip-prefix; }
    leaf host { type inet:ip-address-no-zone; }
    leaf-list ports { type uint16; } leaf-list words { type string; }
    leaf hits { type int64; default 0; crp:resolve "crp:additive"; }
    leaf sum { type decimal64 { fraction-digits 3; } default 0; crp:resolve "crp:additive"; }
    container extra { presence "x"; leaf need { type string; mandatory true; } } }
  list tag { key name; crp:entity "tag"; leaf name { type string; } }`);

test('columns of every type and an entity that is all key are replicated', async () => {
  const { models, diagnostics } = compileTexts(ALL);
  assert.deepEqual(diagnostics, []);
  await withSites('types', models[0]!, {}, async (sites) => {
    const { a, b } = sites;
    await a.sql
      .query(`INSERT INTO test."row" VALUES (255, 'é', 18446744073709551615, -1.25, '\\x00ff', 'a b',
      'test-model:cat', true, '2026-11-24T12:00:00Z', '00:0c:01:02:03:04',
      '6f1c1f3a-64bb-4f7e-9a55-1f0c6a1f8a01', '2001:db8::/32', '192.0.2.1', '{1,65535}', '{"a b",""}',
      7, 1.5, true, 'x')`);
    await a.sql.query(`INSERT INTO test.tag VALUES ('one'), ('two')`);
    const HASH = 'SELECT md5(r::text) AS hash, hits::integer, sum::text FROM test."row" AS r';
    const { rows } = await a.sql.query<{ hash: string }>(HASH);
    await sites.both(HASH, rows);
    await sites.both('SELECT * FROM test.tag ORDER BY name', await tags(a));
    await sites.cut();
    await a.sql.query('UPDATE test."row" SET hits = hits + 5, sum = sum - 0.125');
    await b.sql.query('UPDATE test."row" SET hits = hits + 2, sum = sum + 3');
    await a.sql.query(`DELETE FROM test.tag WHERE name = 'one'`);
    await b.sql.query(`INSERT INTO test.tag VALUES ('three')`);
    await b.sql.query(`UPDATE test.tag SET name = 'zwei' WHERE name = 'two'`);
    await sites.connect();
    await sites.both('SELECT hits::integer, sum::text FROM test."row"', [
      { hits: 14, sum: '4.375' },
    ]);
    await sites.both('SELECT name FROM test.tag ORDER BY name', [
      { name: 'three' },
      { name: 'zwei' },
    ]);
  });
});

const OWNED = moduleText(`
  list mine { key id; crp:entity "mine" { crp:ownership "site"; } leaf id { type int32; } leaf v { type int32; } }
  list named { key id; crp:entity "named" { crp:ownership "row" { crp:owner-leaf "home"; } }
    leaf id { type int32; } leaf home { type string; mandatory true; } leaf v { type int32; } }
  list log { key id; crp:entity "log" { crp:append-only; } leaf id { type int32; } leaf v { type int32; } }`);

test('a row is only written by its owner, and a log is not changed', async () => {
  const { models, diagnostics } = compileTexts(OWNED);
  assert.deepEqual(diagnostics, []);
  await withSites('owned', models[0]!, {}, async (sites) => {
    const { a, b } = sites;
    const both = sites.both.bind(sites);
    for (const site of [a, b]) {
      await site.sql.query(`INSERT INTO crp.member (name, number, state)
        VALUES ('site1', 1, 'active'), ('site2', 2, 'active'), ('gone', 3, 'left')`);
    }
    await a.sql.query('INSERT INTO test.mine VALUES (1, 0)');
    await a.sql.query(`INSERT INTO test.named VALUES (1, 'site1', 0), (2, 'gone', 0)`);
    await a.sql.query('INSERT INTO test.log VALUES (1, 0)');
    await both('SELECT count(*)::integer AS n FROM test.log', [{ n: 1 }]);
    const refused = (site: TestSite, sql: string, message: RegExp): Promise<void> =>
      assert.rejects(() => site.sql.query(sql), message);
    await refused(b, 'UPDATE test.mine SET v = 1', /belongs to site "site1"/);
    await refused(b, 'DELETE FROM test.mine', /belongs to site "site1"/);
    await refused(b, 'UPDATE test.named SET v = 1 WHERE id = 1', /belongs to site "site1"/);
    await refused(b, `INSERT INTO test.named VALUES (3, 'site1', 0)`, /belongs to site "site1"/);
    await refused(b, 'UPDATE test.log SET v = 1', /never changed/);
    await a.sql.query('UPDATE test.mine SET v = 2');
    await b.sql.query('UPDATE test.named SET v = 2 WHERE id = 2');
    // Giving a row away: from then on the other site may write it.
    await a.sql.query(`UPDATE test.named SET home = 'site2' WHERE id = 1`);
    await both('SELECT home, v FROM test.named ORDER BY id', [
      { home: 'site2', v: 0 },
      { home: 'gone', v: 2 },
    ]);
    await b.sql.query('UPDATE test.named SET v = 3 WHERE id = 1');
    await both('SELECT v FROM test.named WHERE id = 1', [{ v: 3 }]);
    await both('SELECT v FROM test.mine', [{ v: 2 }]);
  });
});

async function tags(site: TestSite): Promise<unknown[]> {
  return (await site.sql.query('SELECT * FROM test.tag ORDER BY name')).rows;
}
