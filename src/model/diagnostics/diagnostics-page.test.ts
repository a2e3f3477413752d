import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { diagnosticsPage } from './diagnostics-page.ts';
import { ROOT } from '../../../test/support/root.ts';

const PAGE = join(ROOT, 'docs/model-diagnostics.md');

/** The formatter aligns the columns of tables, which says nothing. */
const squeeze = (text: string): string => text.replaceAll(/ +/g, ' ').replaceAll(/-{3,}/g, '---');

/** With UPDATE_FIXTURES set the page is written anew. */
test('the page of diagnostics is that of the table', () => {
  if (process.env['UPDATE_FIXTURES'] !== undefined) writeFileSync(PAGE, diagnosticsPage());
  assert.equal(squeeze(readFileSync(PAGE, 'utf8')), squeeze(diagnosticsPage()));
});
