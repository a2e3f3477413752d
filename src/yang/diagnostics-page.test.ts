import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { DIAGNOSTIC_CODES } from './diagnostic-codes.ts';
import { yangDiagnosticsPage } from './diagnostics-page.ts';
import { ROOT } from '../../test/support/root.ts';

const PAGE = join(ROOT, 'docs/yang-diagnostics.md');

/** The formatter aligns the columns of tables, which says nothing. */
const squeeze = (text: string): string => text.replaceAll(/\s+/g, ' ').replaceAll(/-{3,}/g, '---');

/** With UPDATE_FIXTURES set the page is written anew. */
test('the page of diagnostics is that of the tables', () => {
  if (process.env['UPDATE_FIXTURES'] !== undefined) writeFileSync(PAGE, yangDiagnosticsPage());
  assert.equal(squeeze(readFileSync(PAGE, 'utf8')), squeeze(yangDiagnosticsPage()));
});

test('every code is on the page', () => {
  const page = yangDiagnosticsPage();
  for (const code of Object.keys(DIAGNOSTIC_CODES)) assert.ok(page.includes(`\n| ${code} |`), code);
  assert.doesNotMatch(page, /undefined|\[object/);
});
