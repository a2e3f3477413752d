import assert from 'node:assert/strict';
import { test } from 'node:test';
import { importTables } from '../model/import/import-tables.ts';
import { withConnection } from '../postgres/connect.ts';
import { compileTexts } from '../../test/support/model-text.ts';
import { installModel } from '../../test/support/install.ts';
import { startServer } from '../../test/support/server.ts';
import { readTables } from './tables/read-tables.ts';

/** Shapes of tables that DHCP, DNS and AAA servers bring. */
const TABLES = `
  CREATE TABLE lease_state (state bigint PRIMARY KEY, name varchar(64) NOT NULL);
  CREATE TABLE lease4 (address bigint PRIMARY KEY, hwaddr bytea, expire timestamptz,
    fqdn_fwd boolean, hostname varchar(255), state bigint DEFAULT 0 REFERENCES lease_state ON DELETE CASCADE);
  COMMENT ON TABLE lease4 IS 'Leases of "IPv4" addresses';
  COMMENT ON COLUMN lease4.expire IS 'End of the lease.';
  CREATE FUNCTION count_it() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
  CREATE TRIGGER stat_lease4 AFTER INSERT ON lease4 FOR EACH ROW EXECUTE FUNCTION count_it();
  CREATE TABLE domains (id serial PRIMARY KEY, name varchar(255) NOT NULL UNIQUE, tags text[], seen inet);
  CREATE TABLE money (a numeric(10,2), b numeric(30,2), "Odd Name" integer, PRIMARY KEY (a, "Odd Name"));
  CREATE TABLE logs (line text);`;

test('tables that are there become a model that is correct and adopts them', async () => {
  const server = await startServer(18);
  try {
    await withConnection(await server.createDatabase('kea'), 'test', async (client) => {
      await client.query(TABLES);
      const tables = await readTables(client, { schema: 'public' });
      const options = { module: 'test-kea', service: 'kea', revision: '2026-11-24' };
      const text = importTables(tables, options);
      const { models, diagnostics } = compileTexts(text);
      assert.deepEqual(diagnostics, [], text);
      const columns = models[0]!.entities.flatMap(({ name, columns: all }) =>
        all.map((column) => `${name}.${column.name} ${column.type}`),
      );
      assert.deepEqual(columns.sort(), [
        ...['domains.id integer', 'domains.name character varying(255)', 'domains.seen inet'],
        ...['domains.tags text[]', 'lease-state.name character varying(64)'],
        ...[
          'lease-state.state bigint',
          'lease4.address bigint',
          'lease4.expire timestamp with time zone',
        ],
        ...[
          'lease4.fqdn_fwd boolean',
          'lease4.hostname character varying(255)',
          'lease4.hwaddr bytea',
        ],
        ...[
          'lease4.state bigint',
          'money.Odd Name integer',
          'money.a numeric(10,2)',
          'money.b numeric(30,2)',
        ],
      ]);
      const marks = [...text.matchAll(/DECIDE: (.{20})/g)].map((found) => found[1]);
      assert.equal(marks.length, 9, marks.join('\n'));
      await installModel(client, { name: 'a', number: 1 }, models[0]!);
      await client.query(`INSERT INTO lease_state VALUES (0, 'default')`);
      await client.query(`INSERT INTO lease4 (address) VALUES (1)`);
      await client.query(`INSERT INTO money VALUES (1.5, 2, 3)`);
      const { rows } = await client.query<{ stamped: boolean }>(
        'SELECT _crp_birth > 0 AND _crp_row = _crp_birth AS stamped FROM lease4',
      );
      assert.deepEqual(rows, [{ stamped: true }]);
      assert.equal(importTables(await readTables(client, { schema: 'public' }), options), text);
    });
  } finally {
    await server.remove();
  }
});
