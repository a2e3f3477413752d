import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { moduleText } from '../../../test/support/model-text.ts';

const folder = mkdtempSync(join(tmpdir(), 'crp-cli-'));
after(() => rmSync(folder, { recursive: true }));

const COMMAND = new URL('model.ts', import.meta.url).href;
const SCRIPT = `import { modelCommand } from '${COMMAND}';
await modelCommand().parseAsync(process.argv.slice(1), { from: 'user' });`;

function model(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(
    process.execPath,
    ['--import', 'tsx', '--input-type=module', '-e', SCRIPT, '--', ...args],
    { encoding: 'utf8', cwd: join(import.meta.dirname, '../../..') },
  );
}

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

const WRONG = moduleText(`  list a {
    key "id";
    crp:entity "a" {
      crp:column-group "state";
    }
    leaf id { type int32; }
    leaf up { type boolean; crp:in-group "stat"; }
  }`);

test('model check says that a shipped model is correct', () => {
  const { status, stdout, stderr } = model('check', 'dns');
  assert.equal(stderr, '');
  assert.match(stdout, /^common-dns-zone@[\d-]+ is correct, hash [0-9a-f]{16}\n {2}dns\.zone: /);
  assert.equal(status, 0);
});

test('model check shows place, line, caret and hint, and exits with 1', () => {
  const path = file('test-model.yang', WRONG);
  const { status, stdout, stderr } = model('check', path);
  assert.equal(stdout, '');
  const [error] = stderr.split('\n\n').filter((part) => part.includes('CRP108'));
  assert.deepEqual(error!.split('\n'), [
    `${path}:16:43: error CRP108: entity "a" has no column group "stat"`,
    '      leaf up { type boolean; crp:in-group "stat"; }',
    '                                            ^^^^^',
    '  expected: one of "state", "row"',
    '  hint: Did you mean "state"?',
  ]);
  assert.match(stderr, /1 error, 1 warning\n$/);
  assert.equal(status, 1);
});

test('model check --json prints one object', () => {
  const wrong = JSON.parse(model('check', '--json', file('test-model.yang', WRONG)).stdout) as {
    ok: boolean;
    diagnostics: { code: string }[];
  };
  assert.equal(wrong.ok, false);
  assert.ok(wrong.diagnostics.some((diagnostic) => diagnostic.code === 'CRP108'));
  const right = JSON.parse(model('check', '--json', 'dns').stdout) as {
    ok: boolean;
    models: { entities: { table: string }[] }[];
  };
  assert.equal(right.ok, true);
  assert.deepEqual(
    right.models[0]!.entities.map((entity) => entity.table),
    ['dns.zone', 'dns.rrset', 'dns.zone_key'],
  );
});

test('model sql prints statements for the site, model tree the tree', () => {
  const { stdout, status } = model('sql', '--site', '5', 'dns');
  assert.match(stdout, /CREATE TABLE IF NOT EXISTS "dns"\."rrset"/);
  assert.match(stdout, /<< 11\) \| 5;/);
  assert.equal(status, 0);
  assert.match(model('tree', 'dhcp').stdout, /\/dhcp\/lease4\* \[address\]/);
});

test('a file that is not there is an error with its name', () => {
  const { status, stderr } = model('check', join(folder, 'nothing.yang'));
  assert.match(stderr, /nothing\.yang/);
  assert.equal(status, 1);
});
