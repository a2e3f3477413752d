import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { compileModels } from '../src/model/compile.ts';
import { modelReference } from '../src/model/reference-page.ts';
import { modelTypes } from '../src/model/typescript.ts';
import { validateInstance } from '../src/yang/instance/validate.ts';
import { compileTexts } from './support/model-text.ts';
import { ROOT } from './support/root.ts';

const FOLDERS = readdirSync(join(ROOT, 'models'));
const SEARCH_PATH = [join(ROOT, 'yang'), ...FOLDERS.map((name) => join(ROOT, 'models', name))];

/** Debian's libyang-tools: an implementation of YANG that is not ours. */
const HAS_YANGLINT = spawnSync('yanglint', ['--version']).status === 0;

const list = (folder: string, end: string): string[] =>
  existsSync(folder)
    ? readdirSync(folder)
        .filter((name) => name.endsWith(end))
        .map((name) => join(folder, name))
    : [];

function yanglint(...args: string[]): boolean {
  const paths = SEARCH_PATH.flatMap((folder) => ['-p', folder]);
  return spawnSync('yanglint', [...paths, ...args]).status === 0;
}

for (const name of FOLDERS) {
  const folder = join(ROOT, 'models', name);
  const files = list(folder, '.yang');

  test(`model ${name} is correct and documented`, () => {
    assert.ok(files.length > 0);
    assert.ok(existsSync(join(folder, 'README.md')), 'a README says which rules were chosen');
    const { models, diagnostics } = compileModels({ files, searchPath: SEARCH_PATH });
    assert.deepEqual(diagnostics, []);
    for (const model of models) {
      assert.match(modelReference(model), new RegExp(`^# ${model.name}\n`));
      assert.match(modelTypes(model), /^export interface /m);
    }
  });

  test(`model ${name} passes yanglint`, { skip: !HAS_YANGLINT }, () => {
    for (const file of files) assert.ok(yanglint(file), file);
  });

  for (const file of list(join(folder, 'data'), '.json')) {
    const expected = !file.includes('/bad-');
    const short = file.slice(ROOT.length + 1);
    test(`${short} is ${expected ? 'valid' : 'refused'}`, () => {
      const { context } = compileModels({ files, searchPath: SEARCH_PATH });
      const source = { name: file, text: readFileSync(file, 'utf8') };
      const { diagnostics } = validateInstance(source, { context });
      assert.equal(diagnostics.length === 0, expected, JSON.stringify(diagnostics));
      if (HAS_YANGLINT) assert.equal(yanglint('-t', 'data', ...files, file), expected);
    });
  }
}

test('the modules of common-replication pass yanglint', { skip: !HAS_YANGLINT }, () => {
  for (const file of list(join(ROOT, 'yang'), '.yang').filter((one) => one.includes('common-'))) {
    assert.ok(yanglint(file), file);
  }
});

test('the model of the guide is correct', () => {
  const guide = readFileSync(join(ROOT, 'docs/model-language.md'), 'utf8');
  const text = /```yang\n(module [^]*?)```/.exec(guide)![1]!;
  const { models, diagnostics } = compileTexts(text);
  assert.deepEqual(diagnostics, []);
  assert.deepEqual(
    models[0]!.entities.map((entity) => entity.groups.map((group) => group.name)),
    [['row'], ['row', 'access', 'logins']],
  );
});
