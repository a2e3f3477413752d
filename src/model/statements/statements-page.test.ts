import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadModules } from '../../yang/load.ts';
import type { Module } from '../../yang/schema-modules.ts';
import { CRP_MODULE, CRP_STATEMENTS } from './crp-statements.ts';
import { HONOURED, METHODS } from './engine.ts';
import { statementsPage } from './statements-page.ts';
import { ROOT } from '../../../test/support/root.ts';

const PAGE = join(ROOT, 'docs/model-statements.md');

function crpModule(): Module {
  const folder = join(ROOT, 'yang');
  const file = readdirSync(folder).find((name) => name.startsWith(`${CRP_MODULE}@`))!;
  const { context, diagnostics } = loadModules({
    files: [join(folder, file)],
    searchPath: [folder],
  });
  assert.deepEqual(diagnostics, []);
  return context.findModule(CRP_MODULE)!;
}

test('the compiler knows the statements that the module defines, and no others', () => {
  const defined = crpModule().extensionDefinitions;
  assert.deepEqual(
    defined.map((extension) => extension.name).sort(),
    Object.keys(CRP_STATEMENTS).sort(),
  );
  for (const { name, argument } of defined) {
    const { kind } = CRP_STATEMENTS[name]!.argument;
    assert.equal(argument === undefined, kind === 'none', name);
  }
  for (const name of Object.keys(HONOURED)) assert.ok(name in CRP_STATEMENTS, name);
});

test('every choice of an argument is explained in the module', () => {
  for (const { name, description } of crpModule().extensionDefinitions) {
    const { argument } = CRP_STATEMENTS[name]!;
    for (const value of argument.kind === 'choice' ? argument.values : []) {
      assert.ok(description?.includes(`'${value}'`), `${name} ${value}`);
    }
  }
});

test('the compiler knows the methods that the module defines', () => {
  const methods = crpModule().identities.filter((identity) => identity.name !== 'resolution');
  assert.deepEqual(methods.map((identity) => identity.name).sort(), Object.keys(METHODS).sort());
});

/** With UPDATE_FIXTURES set the page is written anew. */
test('the reference of statements is that of the module', () => {
  const text = statementsPage(crpModule());
  if (process.env['UPDATE_FIXTURES'] !== undefined) writeFileSync(PAGE, text);
  const words = (page: string): string => page.replaceAll(/\s+/g, ' ').replaceAll('\\', '');
  assert.equal(
    words(readFileSync(PAGE, 'utf8')).replaceAll('*', '_'),
    words(text).replaceAll('*', '_'),
  );
});
