import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { prepaidModel } from '../../test/support/prepaid.ts';
import { modelDdl } from './ddl/entity-ddl.ts';
import { ROOT } from '../../test/support/root.ts';

const FIXTURE = join(ROOT, 'test/fixtures/common-prepaid-balance.sql');

/** With UPDATE_FIXTURES set the file is written anew: look at its difference before you commit it. */
test('the tables, guards and functions of the balance are as they were', () => {
  const text = modelDdl(prepaidModel(), 1)
    .filter((statement) => /account_balance/.test(statement))
    // Stamps and tombstones are those of every entity, and tested by what they do.
    .filter((statement) => !/FUNCTION crp\."(stamp|tombstone|truncate)_/.test(statement))
    .map((statement) => `${statement};\n`)
    .join('\n');
  if (process.env['UPDATE_FIXTURES'] !== undefined) writeFileSync(FIXTURE, text);
  assert.equal(text, readFileSync(FIXTURE, 'utf8'));
});
