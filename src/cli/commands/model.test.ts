import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { moduleText } from '../../../test/support/model-text.ts';
import { program } from '../../../test/support/program.ts';
import { ROOT } from '../../../test/support/root.ts';

const folder = mkdtempSync(join(tmpdir(), 'crp-cli-'));
after(() => rmSync(folder, { recursive: true }));

function model(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [...program('src/cli/main.ts'), 'model', ...args], {
    ...{ encoding: 'utf8', cwd: ROOT },
  });
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
  assert.match(stderr, /nothing\.yang.*no shipped model: those are aaa, dhcp/);
  assert.equal(status, 1);
});

/** A revision of one list; later revisions have later dates. */
function revision(date: string, leafs: string, groups = ''): string {
  const text = moduleText(
    `list a { key id; crp:entity "a" { ${groups} } leaf id { type int32; } ${leafs} }`,
  ).replace('2026-11-24', date);
  return file(`diff@${date}.yang`, text);
}

test('model diff says what a revision changes, and has the SQL that does it in one transaction', () => {
  const one = revision('2026-11-24', 'leaf n { type int32; }');
  const note = 'leaf note { type string; crp:in-group "note"; }';
  const two = revision('2026-11-25', `leaf n { type int32; } ${note}`, 'crp:column-group "note";');
  const { status, stdout, stderr } = model('diff', one, two);
  assert.deepEqual({ status, stderr }, { status: 0, stderr: '' });
  assert.match(stdout, /^test-model 2026-11-24 → 2026-11-25\n/);
  assert.match(stdout, /\n {2}rolling {6}\/a\/note: leaf added {2}\(\S+:\d+:\d+\)\n/);
  assert.match(stdout, /\n-- May roll site by site\. syncline adopt NEW/);
  assert.match(stdout, /\nBEGIN;\n[^]*ADD COLUMN IF NOT EXISTS "note" text[^]*\nCOMMIT;\n$/);
});

test('model diff says what has to be done at all sites at once, and how it would not have to', () => {
  const one = revision('2026-11-24', 'leaf n { type int32; }');
  const two = revision('2026-11-27', 'leaf n { type int32; } leaf note { type string; }');
  const { status, stdout } = model('diff', one, two);
  assert.equal(status, 0);
  assert.match(
    stdout,
    /\n {2}together {5}a: column "note" is new in group "row".+\n {15}In a column group/,
  );
  assert.match(
    stdout,
    /\n-- At all sites while nobody writes, in one transaction at each:\nBEGIN;\n/,
  );
});

test('model diff refuses what rows and journals of the old revision cannot follow, and prints no SQL', () => {
  const one = revision('2026-11-24', 'leaf n { type int32; }');
  const two = revision('2026-11-26', 'leaf n { type string; }');
  const { status, stdout, stderr } = model('diff', one, two);
  assert.equal(status, 1);
  assert.match(stdout, /\n {2}NOT ALLOWED {2}\/a\/n: /);
  assert.doesNotMatch(stdout, /BEGIN/);
  assert.match(stderr, /Not allowed changes cannot be installed/);
  const json = model('diff', one, two, '--json');
  const { allowed, sql } = JSON.parse(json.stdout) as { allowed: boolean; sql: string[] };
  assert.deepEqual({ allowed, sql, status: json.status }, { allowed: false, sql: [], status: 1 });
});

test('model diff of a revision with itself has nothing to say; two models are not compared', () => {
  const one = revision('2026-11-24', 'leaf n { type int32; }');
  const same = model('diff', one, one);
  assert.deepEqual(
    { status: same.status, stdout: same.stdout },
    { status: 0, stdout: 'test-model 2026-11-24 → 2026-11-24\n  no difference\n' },
  );
  const other = model('diff', one, 'dns');
  assert.notEqual(other.status, 0);
  assert.match(other.stderr, /"test-model" and "\S+" are different models/);
});
