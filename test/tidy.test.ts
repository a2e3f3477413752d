import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { test } from 'node:test';
import { ROOT } from './support/root.ts';

/** A folder may import from the folders of its own line and of the lines above it (ARCHITECTURE.md §1). */
const LAYERS = [
  ['base'],
  ['postgres', 'yang'],
  ['model'],
  ['sql'],
  ['merge'],
  ['journal'],
  ['capture', 'link', 'apply'],
  ['repair'],
  ['site'],
  ['services', 'editor'],
  ['cli'],
];
/** Folders that have folders by topic (ARCHITECTURE.md §1). In yang, XPath and what it is evaluated on need each other. */
const PARTED = ['model', 'sql', 'apply', 'site'];
/** Of a source file; tests are lists of cases and may be longer. */
const MAX_LINES = 250;
const MAX_TEST_LINES = 400;

const layerOf = (folder: string): number => LAYERS.findIndex((layer) => layer.includes(folder));

function sources(): { path: string; folder: string; text: string }[] {
  return readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => ({
      path: join('src', file),
      folder: file.split('/')[0]!,
      text: readFileSync(join(ROOT, 'src', file), 'utf8'),
    }));
}

test('imports go down only, and never sideways', () => {
  const wrong: string[] = [];
  for (const { path, folder, text } of sources()) {
    for (const [, target] of text.matchAll(/from '(\.[^']+)'/g)) {
      const file = relative(join(ROOT, 'src'), resolve(ROOT, path, '..', target!));
      const other = file.split('/')[0]!;
      // Tests stand beside the code and start servers with what test/ has for all of them.
      if (path.endsWith('.test.ts') && file.startsWith('../test/')) continue;
      if (other === folder) continue;
      if (layerOf(other) >= layerOf(folder) || layerOf(other) < 0) wrong.push(`${path} → ${file}`);
    }
  }
  assert.deepEqual(wrong, []);
});

/** Which folder imports from which, of the folders directly in `folder`; its own files are the folder `.`. */
function importsWithin(folder: string): Map<string, Set<string>> {
  const part = (file: string): string => file.split('/').slice(1, -1)[0] ?? '.';
  const imports = new Map<string, Set<string>>();
  for (const { path, folder: own, text } of sources()) {
    if (own !== folder || path.endsWith('.test.ts')) continue;
    const from = part(relative('src', path));
    for (const [, target] of text.matchAll(/from '(\.[^']+)'/g)) {
      const file = relative(join(ROOT, 'src'), resolve(ROOT, path, '..', target!));
      if (!file.startsWith(`${folder}/`) || part(file) === from) continue;
      imports.set(from, (imports.get(from) ?? new Set()).add(part(file)));
    }
  }
  return imports;
}

/** What is left when every folder that imports from none of the others is taken away, again and again. */
function inCycles(imports: Map<string, Set<string>>): string[] {
  const left = new Map(imports);
  for (let before = -1; before !== left.size;) {
    before = left.size;
    for (const [from, to] of left) if (![...to].some((other) => left.has(other))) left.delete(from);
  }
  return [...left.keys()];
}

test('the folders within a folder import one way', () => {
  const wrong = PARTED.map((folder) => ({ folder, parts: inCycles(importsWithin(folder)) }));
  assert.deepEqual(
    wrong.filter(({ parts }) => parts.length > 0),
    [],
  );
});

test('every source folder is in the order of imports', () => {
  const folders = new Set(sources().map((source) => source.folder));
  assert.deepEqual(
    [...folders].filter((folder) => layerOf(folder) < 0),
    [],
  );
});

test('no source file is longer than the limit', () => {
  const limit = (path: string): number => (path.endsWith('.test.ts') ? MAX_TEST_LINES : MAX_LINES);
  const long = sources().filter(
    ({ path, text }) => text.trimEnd().split('\n').length > limit(path),
  );
  assert.deepEqual(
    long.map(({ path }) => path),
    [],
  );
});

test('nothing unfinished is marked in the sources', () => {
  const marked = sources().filter(({ text }) => /\b(TODO|FIXME|XXX)\b/.test(text));
  assert.deepEqual(
    marked.map(({ path }) => path),
    [],
  );
});
