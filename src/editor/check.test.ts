import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { moduleText } from '../../test/support/model-text.ts';
import { checkFile } from './check.ts';
import { Workspace } from './workspace.ts';
import { ROOT } from '../../test/support/root.ts';

const YANG = join(ROOT, 'yang');
const folder = mkdtempSync(join(tmpdir(), 'crp-check-'));
after(() => rmSync(folder, { recursive: true }));

const FILE = join(folder, 'test-model.yang');
const LIB = join(folder, 'lib.yang');

const head = (name: string, prefix: string): string =>
  `module ${name} { yang-version 1.1; namespace "urn:${name}"; prefix ${prefix}; `;
const model = moduleText(
  'import-here container c { list a { key "id"; crp:entity "a"; leaf id { type l:t; } } }',
)
  .replace('prefix yang; }', 'prefix yang; } import lib { prefix l; }')
  .replace('import-here ', '');

/** Codes by file, of the file and all open ones. */
function codes(workspace: Workspace, file: string, yang = true): Record<string, string[]> {
  const { diagnostics } = checkFile(file, workspace, { yang });
  return Object.fromEntries(
    [...diagnostics].map(([name, found]) => [
      name.slice(folder.length + 1),
      found.map((one) => one.code),
    ]),
  );
}

test('a model of several files is checked with what is open, and the disk for the rest', () => {
  const workspace = new Workspace([YANG]);
  workspace.set(FILE, model);
  writeFileSync(LIB, `${head('lib', 'l')} typedef t { type int32; } }`);
  assert.deepEqual(codes(workspace, FILE), { 'test-model.yang': [] });
  workspace.set(LIB, `${head('lib', 'l')} typedef t { type itn32; } }`);
  assert.deepEqual(codes(workspace, FILE), {
    'test-model.yang': [],
    'lib.yang': ['unknown-reference'],
  });
});

test('errors in a file that is not open are said where it is imported', () => {
  const workspace = new Workspace([YANG]);
  workspace.set(FILE, model);
  writeFileSync(LIB, `${head('lib', 'l')} typedef t { type itn32; } }`);
  const { diagnostics, reads } = checkFile(FILE, workspace, { yang: true });
  const [found] = diagnostics.get(FILE)!;
  assert.equal(found!.code, 'error-in-import');
  assert.equal(found!.span.start.column, model.split('\n')[5]!.indexOf('lib') + 1);
  assert.equal(found!.related![0]!.position.file, LIB);
  assert.ok(reads.has(LIB));
});

test('a module that is no model is not blamed for it', () => {
  const workspace = new Workspace([YANG]);
  workspace.set(LIB, `${head('lib', 'l')} container c { leaf a { type int8; } } }`);
  assert.deepEqual(codes(workspace, LIB), { 'lib.yang': [] });
});

test('beside another server only what that one does not say is said', () => {
  const workspace = new Workspace([YANG]);
  const leafs = 'leaf b { type itn32; } leaf c { type int8; crp:commit "local"; }';
  workspace.set(
    FILE,
    moduleText(`list a { key "id"; crp:entity "a"; leaf id { type int8; } ${leafs} }`),
  );
  assert.deepEqual(codes(workspace, FILE), {
    'test-model.yang': ['unknown-reference', 'CRP101'],
  });
  assert.deepEqual(codes(workspace, FILE, false), { 'test-model.yang': ['CRP101'] });
});

test('a submodule is checked as part of its module', () => {
  const workspace = new Workspace([YANG]);
  const part = join(folder, 'lib-part.yang');
  writeFileSync(LIB, `${head('lib', 'l')} include lib-part; leaf a { type t; } }`);
  workspace.set(
    part,
    'submodule lib-part { yang-version 1.1; belongs-to lib { prefix l; } typedef t { type itn8; } }',
  );
  assert.equal(workspace.rootOf(part), LIB);
  assert.deepEqual(codes(workspace, LIB), {
    'lib.yang': [],
    'lib-part.yang': ['unknown-reference'],
  });
});

test('folders of a workspace are searched for modules', () => {
  const workspace = new Workspace([YANG]);
  workspace.scan([ROOT]);
  const path = workspace.searchPath(FILE);
  assert.equal(path[0], folder);
  assert.ok(path.some((one) => one.endsWith('models/dns')));
});
