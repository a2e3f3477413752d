import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { loadModules } from './load.ts';
import type { SchemaNode } from './schema.ts';
import type { LoadOptions } from './load.ts';
import { ROOT } from '../../test/support/root.ts';

let folder = '';
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'syncline-yang-'));
});
after(() => rmSync(folder, { recursive: true, force: true }));

const PUBLISHED = join(ROOT, 'yang');

/** Writes files into the test's folder and loads those that are named `main…`. */
function load(files: Readonly<Record<string, string>>, options: Partial<LoadOptions> = {}) {
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  const mains = Object.keys(files).filter((name) => name.startsWith('main'));
  const paths = mains.map((name) => join(folder, name));
  return loadModules({ files: paths, searchPath: [folder, PUBLISHED], ...options });
}

const head = (name: string): string =>
  `module ${name} { yang-version 1.1; namespace "urn:${name}"; prefix ${name};`;

function find(result: ReturnType<typeof load>, path: string): SchemaNode {
  assert.deepEqual(result.diagnostics, []);
  const node = result.context.findNode(path);
  assert.ok(node !== undefined, `${path} is not there`);
  return node;
}

test('a file that is not there is a diagnostic', () => {
  const { diagnostics } = loadModules({ files: ['/nowhere/x.yang'], searchPath: [] });
  assert.deepEqual(
    diagnostics.map(({ code }) => code),
    ['file-not-readable'],
  );
});

test('given texts count instead of files, also where the disk has none', () => {
  const main = join(folder, 'main-open.yang');
  const lib = join(folder, 'open-lib.yang');
  writeFileSync(main, 'module half-typed {');
  const texts = new Map([
    [main, `${head('main-open')} import open-lib { prefix l; } leaf a { type l:t; } }`],
    [lib, `${head('open-lib')} typedef t { type int8; } }`],
  ]);
  const { context, diagnostics } = loadModules({ files: [main], searchPath: [folder], texts });
  assert.deepEqual(diagnostics, []);
  assert.equal(context.findNode('/main-open:a')?.kind, 'leaf');
});

test('text that is not UTF-8 is a diagnostic', () => {
  const file = join(folder, 'latin.yang');
  writeFileSync(file, Buffer.from([0x6d, 0xe4]));
  const { diagnostics } = loadModules({ files: [file], searchPath: [] });
  assert.deepEqual(
    diagnostics.map(({ code }) => code),
    ['file-not-readable'],
  );
});

describe('imports find their revision', () => {
  const lib = (revision: string): string =>
    `${head('lib')} revision ${revision}; typedef t { type string { length "${revision.slice(0, 4)}"; } } }`;
  const files = {
    'lib@2020-01-01.yang': lib('2020-01-01'),
    'lib@2021-01-01.yang': lib('2021-01-01'),
  };
  const user = (date: string): string =>
    `${head('main')} import lib { prefix l; ${date} } leaf a { type l:t; } }`;

  test('the newest without a date', () => {
    const leaf = find(load({ ...files, 'main.yang': user('') }), '/main:a');
    assert.equal(
      leaf.kind === 'leaf' && leaf.type.base === 'string' && leaf.type.length?.text,
      '2021',
    );
  });

  test('the one that the date names', () => {
    const leaf = find(
      load({ ...files, 'main.yang': user('revision-date 2020-01-01;') }),
      '/main:a',
    );
    assert.equal(
      leaf.kind === 'leaf' && leaf.type.base === 'string' && leaf.type.length?.text,
      '2020',
    );
  });

  test('none when there is no such file', () => {
    const { diagnostics } = load({ ...files, 'main.yang': user('revision-date 2019-01-01;') });
    assert.deepEqual(
      diagnostics.map(({ code }) => code),
      ['module-not-found'],
    );
  });
});

test('submodules see each other and are part of their module', () => {
  const result = load({
    'main.yang': `${head('main')} include one; include two; leaf a { type t1; } }`,
    'one.yang':
      'submodule one { yang-version 1.1; belongs-to main { prefix m; } typedef t1 { type m:t2; } }',
    'two.yang':
      'submodule two { yang-version 1.1; belongs-to main { prefix m; } typedef t2 { type int8; } leaf b { type t1; } }',
  });
  const leaf = find(result, '/main:b');
  assert.deepEqual(leaf.kind === 'leaf' && leaf.type.typedefs.map(({ name }) => name), [
    't1',
    't2',
  ]);
});

test('features are on unless the caller chooses others', () => {
  const text = `${head('main')} feature f; feature g; feature h { if-feature f; }
    leaf a { if-feature "f and not g"; type int8; } leaf b { if-feature h; type int8; } leaf c { type int8; } }`;
  const names = (features?: Record<string, string[]>): string[] =>
    load({ 'main.yang': text }, features === undefined ? {} : { features })
      .context.findModule('main')!
      .children.map(({ name }) => name);
  assert.deepEqual(names(), ['b', 'c']);
  assert.deepEqual(names({ main: ['f'] }), ['a', 'c']);
  assert.deepEqual(names({ main: ['f', 'h'] }), ['a', 'b', 'c']);
  assert.deepEqual(names({ main: ['h'] }), ['c']);
});

test('imported modules whose nodes are augmented or referred to are implemented, others are not', () => {
  const result = load({
    'base.yang': `${head('base')} container c; typedef t { type int8; } leaf d { type int8; } }`,
    'refd.yang': `${head('refd')} leaf r { type string; } }`,
    'types.yang': `${head('types')} leaf x { type string; } typedef t { type int8; } }`,
    'main.yang': `${head('main')} import base { prefix b; } import refd { prefix r; } import types { prefix t; }
      augment /b:c { leaf a { type leafref { path "/r:r"; } } leaf t { type t:t; } } }`,
  });
  assert.deepEqual(result.diagnostics, []);
  const implemented = result.context.modules
    .filter((module) => module.implemented)
    .map(({ name }) => name);
  assert.deepEqual(implemented.sort(), ['base', 'main', 'refd']);
  const leaf = find(result, '/base:c/main:a');
  assert.equal(leaf.kind === 'leaf' && leaf.type.base === 'leafref' && leaf.type.target?.name, 'r');
});

const EXTENDED = `${head('main')}
  extension e { argument a; } extension none;
  main:e "top";
  grouping g { list l { main:e "list" { main:e "inner"; main:none; }
    key "k" { main:e "key"; } unique "u" { main:e "unique"; }
    leaf k { type string { main:e "type"; } } leaf u { type int8; must "1" { main:e "must"; } } } }
  container c { uses g { refine l { main:e "refined"; } } } }`;

test('extension statements are found wherever they are written', () => {
  const result = load({ 'main.yang': EXTENDED });
  const list = find(result, '/main:c/l');
  assert.ok(list.kind === 'list');
  const shown = list.extensions.map(({ name, argument, place }) => `${name} ${argument} ${place}`);
  assert.deepEqual(shown, ['e list own', 'e refined refine']);
  assert.deepEqual(
    list.extensions[0]!.children.map(({ name, argument }) => [name, argument]),
    [
      ['e', 'inner'],
      ['none', undefined],
    ],
  );
  assert.equal(list.key!.extensions[0]!.argument, 'key');
  assert.equal(list.uniques[0]!.extensions[0]!.argument, 'unique');
  const [k, u] = list.children;
  assert.equal(k!.kind === 'leaf' && k!.type.extensions[0]!.argument, 'type');
  assert.equal(u!.kind === 'leaf' && u!.musts[0]!.extensions[0]!.argument, 'must');
  assert.equal(result.context.findModule('main')!.extensions[0]!.argument, 'top');
  const { line, column } = list.key!.extensions[0]!.argumentPosition;
  assert.deepEqual({ line, column }, { line: 5, column: 23 });
});

test('names in conditions lead to their schema nodes', () => {
  const text = `${head('main')} list l { key k; leaf k { type string; } leaf v { type int8; } }
    leaf a { type int8; must "../l[k = 'x']/v > 1"; } }`;
  const leaf = find(load({ 'main.yang': text }), '/main:a');
  assert.ok(leaf.kind === 'leaf');
  const targets = [...leaf.musts[0]!.xpath.targets.values()].map((nodes) =>
    nodes.map(({ name }) => name),
  );
  assert.deepEqual(targets, [[], ['l'], ['k'], ['v']]);
});

test('deviations change what they aim at', () => {
  const result = load({
    'base.yang': `${head('base')} container c { leaf a { type int8; units "s"; } leaf b { type int8; default 1; must ". > 0"; } leaf d { type int8; } } }`,
    'main.yang': `${head('main')} import base { prefix b; }
      deviation /b:c/b:a { deviate not-supported; }
      deviation /b:c/b:b { deviate replace { type int16; default 300; } deviate delete { must ". > 0"; } }
      deviation /b:c/b:d { deviate add { mandatory true; units "m"; } } }`,
  });
  const container = find(result, '/base:c');
  const [b, d] = container.children;
  assert.deepEqual(
    container.children.map(({ name }) => name),
    ['b', 'd'],
  );
  assert.ok(b?.kind === 'leaf' && d?.kind === 'leaf');
  assert.deepEqual([b.type.base, b.default?.canonical, b.musts.length], ['int16', '300', 0]);
  assert.deepEqual([d.mandatory, d.units], [true, 'm']);
});

test('wrong names in conditions of published modules are warnings, in one’s own they are errors', () => {
  const lib = `${head('shared')} container c { leaf a { type int8; must "../nope"; } } }`;
  const main = `${head('main')} import shared { prefix l; } augment /l:c { leaf b { type int8; must "../nope"; } } }`;
  const severities = (lenientXPath: boolean): string[] =>
    load({ 'shared.yang': lib, 'main.yang': main }, { lenientXPath }).diagnostics.map(
      ({ severity }) => severity,
    );
  assert.deepEqual(severities(false), ['error', 'warning']);
  assert.deepEqual(severities(true), ['warning', 'warning']);
});
