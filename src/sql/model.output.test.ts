import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { compileModels } from '../model/compile.ts';
import { SEARCH_PATH, compileTexts, moduleText } from '../../test/support/model-text.ts';
import { modelDdl } from './ddl/entity-ddl.ts';
import { ROOT } from '../../test/support/root.ts';

const FIXTURE = join(ROOT, 'test/fixtures/common-dns-zone.sql');

/** With UPDATE_FIXTURES set the file is written anew: look at its difference before you commit it. */
test('the tables and triggers of the DNS model are as they were', () => {
  const { models } = compileModels({
    files: [join(ROOT, 'models/dns/common-dns-zone.yang')],
    searchPath: SEARCH_PATH,
  });
  // What the functions do is tested by what they do.
  const text = modelDdl(models[0]!, 1)
    .filter((statement) => !statement.startsWith('CREATE OR REPLACE FUNCTION crp."'))
    .map((statement) => `${statement};\n`)
    .join('\n');
  if (process.env['UPDATE_FIXTURES'] !== undefined) writeFileSync(FIXTURE, text);
  assert.equal(text, readFileSync(FIXTURE, 'utf8'));
});

test('an adopted table only gets hidden columns and triggers', () => {
  const { models, diagnostics } = compileTexts(
    moduleText(`list lease { key address;
      crp:entity "lease4" { crp:sql-table "public.lease4" {
        crp:adopt "table"; crp:fire-always "stat_lease4_insert"; } }
      leaf address { type uint32; crp:sql-column "addr" { crp:sql-type "bigint"; } }
      leaf hostname { type string; crp:in-group "row"; } }`),
  );
  assert.deepEqual(diagnostics, []);
  const statements = modelDdl(models[0]!, 1);
  assert.deepEqual(
    statements.filter((statement) => /CREATE (TABLE|SCHEMA)/.test(statement)).map(firstWords),
    ['CREATE TABLE IF NOT EXISTS crp."public_lease4_tombstone"'],
  );
  assert.equal(
    statements.find((statement) => statement.includes('ADD COLUMN')),
    'ALTER TABLE "public"."lease4"\n' +
      '  ADD COLUMN IF NOT EXISTS "_crp_birth" bigint NOT NULL DEFAULT 0,\n' +
      '  ADD COLUMN IF NOT EXISTS "_crp_row" bigint NOT NULL DEFAULT 0',
  );
  assert.ok(
    statements.includes('ALTER TABLE "public"."lease4" ENABLE ALWAYS TRIGGER "stat_lease4_insert"'),
  );
});

test('a foreign key gets an index unless the primary key begins with its columns', () => {
  const { models, diagnostics } = compileTexts(
    moduleText(`
    list zone { key name; crp:entity "zone"; leaf name { type string; }
      list key { key id; crp:entity "key" { crp:on-orphan "keep"; } leaf id { type int32; } }
      list set { key id; crp:entity "set" { crp:on-orphan "keep"; } leaf id { type int32; }
        leaf signed-by { type leafref { path "../../key/id"; } crp:on-orphan "keep"; crp:on-delete "set-null"; }
      } }`),
  );
  assert.deepEqual(diagnostics, []);
  const text = modelDdl(models[0]!, 1).join('\n');
  const keys = [...text.matchAll(/CONSTRAINT ("\w+" FOREIGN KEY .*)/g)].map((found) => found[1]);
  assert.deepEqual(keys, [
    '"key_zone_fkey" FOREIGN KEY ("zone") REFERENCES "test"."zone" ("name") ON DELETE CASCADE',
    '"set_zone_fkey" FOREIGN KEY ("zone") REFERENCES "test"."zone" ("name") ON DELETE CASCADE,',
    '"set_signed_by_fkey" FOREIGN KEY ("zone", "signed_by") REFERENCES "test"."key" ("zone", "id") ' +
      'ON DELETE SET NULL ("signed_by")',
  ]);
  assert.deepEqual([...text.matchAll(/CREATE INDEX.*/g)].map(String), [
    'CREATE INDEX IF NOT EXISTS "set_signed_by_fidx" ON "test"."set" ("zone", "signed_by")',
  ]);
});

function firstWords(statement: string): string {
  return statement.split(' (')[0]!;
}
