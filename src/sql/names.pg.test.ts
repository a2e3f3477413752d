import assert from 'node:assert/strict';
import { test } from 'node:test';
import { importTables } from '../model/import/import-tables.ts';
import { ident } from '../model/ir/names.ts';
import { withConnection } from '../postgres/connect.ts';
import { compileTexts } from '../../test/support/model-text.ts';
import { installModel } from '../../test/support/install.ts';
import { startServer } from '../../test/support/server.ts';
import { readTables } from './tables/read-tables.ts';

/** Who makes a table and its columns names them; a superuser adopts it. */
const NAMES: [table: string, column: string][] = [
  [`it's 50% \\ -- /*`, `x'y% */ \\ :v`],
  [`t1$crp$; ALTER ROLE app SUPERUSER; --`, `v$crp$; SELECT '`],
  [`t2' || no()::text || '`, `é\u202e\u{1F600}$1`],
];

test('names of tables, columns and triggers are names only, in SQL and in a model', async () => {
  const server = await startServer(18);
  try {
    await withConnection(await server.createDatabase('named'), 'test', async (client) => {
      await client.query('CREATE SCHEMA a; SET search_path = a');
      for (const [table, column] of NAMES) {
        await client.query(
          `CREATE TABLE ${ident(table)} (id bigint PRIMARY KEY, ${ident(column)} text, other text)`,
        );
        await client.query(
          `CREATE OR REPLACE FUNCTION pass() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
           CREATE TRIGGER "x\n crp:append-only; //" BEFORE INSERT ON ${ident(table)}
             FOR EACH ROW EXECUTE FUNCTION pass()`,
        );
      }
      const tables = await readTables(client, { schema: 'a' });
      const text = importTables(tables, { module: 'm', service: 's', revision: '2026-11-24' });
      const { models, diagnostics } = compileTexts(text);
      assert.deepEqual(diagnostics, []);
      assert.ok(models[0]!.entities.every((entity) => entity.appendOnly !== true));
      await installModel(client, { name: 'a', number: 1 }, models[0]!);
      for (const [table, column] of NAMES) {
        const [name, value] = [ident(table), ident(column)];
        await client.query(`INSERT INTO ${name} (id, ${value}) VALUES (1, 'a'), (2, 'a')`);
        await client.query(`UPDATE ${name} SET ${value} = 'b'; DELETE FROM ${name} WHERE id = 1`);
        const { rows } = await client.query(`SELECT ${value} AS value FROM ${name}`);
        assert.deepEqual(rows, [{ value: 'b' }]);
        await assert.rejects(client.query(`TRUNCATE ${name}`), {
          code: '0A000',
          hint: `Use DELETE FROM ${table}.`,
        });
      }
    });
  } finally {
    await server.remove();
  }
});
