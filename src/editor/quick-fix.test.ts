import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { moduleText } from '../../test/support/model-text.ts';
import { checkFile } from './check.ts';
import { offsetOf } from './lines.ts';
import { quickFix } from './quick-fix.ts';
import { Workspace } from './workspace.ts';
import { ROOT } from '../../test/support/root.ts';

const YANG = join(ROOT, 'yang');
const FILE = '/nowhere/test-model.yang';

/** The texts that come of the quick fixes of a text's diagnostics, one by one. */
function fixed(text: string): string[] {
  const workspace = new Workspace([YANG]);
  workspace.set(FILE, text);
  const found = checkFile(FILE, workspace, { yang: true }).diagnostics.get(FILE) ?? [];
  return found.flatMap((diagnostic) => {
    const fix = quickFix(text, diagnostic);
    if (fix === undefined) return [];
    const { start, end } = fix.span;
    return text.slice(0, offsetOf(text, start)) + fix.text + text.slice(offsetOf(text, end));
  });
}

const body = (statements: string, leaf: string): string =>
  moduleText(`list a { key "id"; crp:entity "a" { crp:column-group "state"; ${statements} }
    leaf id { type int32; } leaf r { type int8; } ${leaf} leaf s { type int8; crp:in-group "state"; } }`);

/** What is wrong, and what the fix makes of it. */
const CASES: [wrong: [string, string], right: [string, string]][] = [
  [
    ['', 'leaf b { tpye int32; }'],
    ['', 'leaf b { type int32; }'],
  ],
  [
    ['', 'leaf b { type itn32; }'],
    ['', 'leaf b { type int32; }'],
  ],
  [
    ['', 'leaf b { type date-and-time; }'],
    ['', 'leaf b { type yang:date-and-time; }'],
  ],
  [
    ['', 'leaf b { type int8; crp:in-grop "state"; }'],
    ['', 'leaf b { type int8; crp:in-group "state"; }'],
  ],
  [
    ['', "leaf b { type int8; crp:in-group 'stat'; }"],
    ['', "leaf b { type int8; crp:in-group 'state'; }"],
  ],
  [
    ['crp:on-delete-update delte;', ''],
    ['crp:on-delete-update delete;', ''],
  ],
  [
    ['crp:resolve "latest-timestamp";', ''],
    ['crp:resolve "crp:latest-timestamp";', ''],
  ],
  [
    ['crp:resolve "crp:latest-timestmp";', ''],
    ['crp:resolve "crp:latest-timestamp";', ''],
  ],
];

test('a fix puts the proposed word in the place of the misspelt one, and of nothing else', () => {
  for (const [wrong, right] of CASES) {
    assert.ok(fixed(body(...wrong)).includes(body(...right)), `${wrong[0]}${wrong[1]}`);
  }
});

test('a text that is correct has no fixes', () => {
  assert.deepEqual(fixed(body('', '')), []);
});
