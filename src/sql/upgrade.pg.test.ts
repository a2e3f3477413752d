import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Model } from '../model/ir/ir.ts';
import { withConnection } from '../postgres/connect.ts';
import { compileTexts, moduleText } from '../../test/support/model-text.ts';
import { startServer } from '../../test/support/server.ts';
import { catalogDdl } from './ddl/catalog-ddl.ts';
import { modelDdl } from './ddl/entity-ddl.ts';
import { upgradeDdl } from './ddl/upgrade-ddl.ts';

function compile(content: string, more = ''): Model {
  const { models, diagnostics } = compileTexts(
    moduleText(`list thing { key id; crp:entity "thing" { crp:column-group "g"; }
      leaf id { type int32; } ${content} } ${more}`),
  );
  const errors = diagnostics.filter((diagnostic) => diagnostic.severity === 'error');
  assert.deepEqual(errors, []);
  return models[0]!;
}

const OLD =
  compile(`leaf state { type enumeration { enum up; } } leaf n { type int32 { range "1..5"; } mandatory true; }
  leaf c { type int32; } unique c { crp:on-unique-clash "park"; }`);
const NEW = compile(
  `leaf state { type enumeration { enum up; enum down; } default up; } leaf n { type int32 { range "1..9"; } }
   leaf c { type int32; }
   leaf note { type string; crp:in-group "g"; }
   leaf of { type leafref { path "/t:kind/t:name"; } crp:on-orphan "keep"; }`,
  'list kind { key name; crp:entity "kind"; leaf name { type string; } }',
);

/** What makes up a table, without the order of its columns. */
const SHAPE = `
  SELECT a.attname || ' ' || format_type(a.atttypid, a.atttypmod) || ' ' || a.attnotnull || ' '
      || coalesce(pg_get_expr(d.adbin, d.adrelid), '') AS line
    FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE a.attrelid = 'test.thing'::regclass AND a.attnum > 0
  UNION ALL SELECT conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint
    WHERE conrelid = 'test.thing'::regclass AND contype <> 'n'
  UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'test'
  UNION ALL SELECT proname || ' ' || prosrc FROM pg_proc WHERE pronamespace = 'crp'::regnamespace
  ORDER BY 1`;

test('an upgraded table is as one that was made new, and keeps its rows', async () => {
  const server = await startServer(18);
  try {
    const catalog = catalogDdl({ site: { name: 'a', number: 1, incarnation: 1 } });
    const run = (name: string, statements: string[]): Promise<string[]> =>
      server.createDatabase(name).then((dsn) =>
        withConnection(dsn, 'test', async (client) => {
          for (const statement of [...catalog, ...statements]) await client.query(statement);
          const { rows } = await client.query<{ line: string }>(SHAPE);
          return rows.map((row) => row.line);
        }),
      );
    const row = 'INSERT INTO test.thing (id, n, c) VALUES (1, 5, 7), (2, 1, NULL)';
    const upgraded = await run('upgraded', [
      ...[...modelDdl(OLD, 1), row, ...upgradeDdl(OLD, NEW, 1)],
      "DO $$ BEGIN ASSERT (SELECT count(*) FROM test.thing WHERE state = 'up') = 2; END $$",
      "UPDATE test.thing SET state = 'down', n = 9, note = 'x'",
      'DO $$ BEGIN ASSERT (SELECT min(_crp_g) FROM test.thing) > 0; END $$',
    ]);
    // A new foreign key says nothing of the rows that are there: apply may have written some without a target.
    assert.ok(upgraded.some((line) => line.endsWith(' NOT VALID')));
    const valid = upgraded.map((line) => line.replace(/ NOT VALID$/, ''));
    assert.deepEqual(valid, await run('fresh', modelDdl(NEW, 1)));
  } finally {
    await server.remove();
  }
});

test('nothing is done when nothing changed', () => {
  assert.equal(upgradeDdl(NEW, NEW, 1).length, 1);
});
