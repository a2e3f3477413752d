/** Our reader of YANG against yanglint: the same verdicts, the same compiled schemas, the same data. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { compileModules } from '../../src/yang/compile/compile.ts';
import type { Diagnostic } from '../../src/yang/diagnostics.ts';
import { formatDiagnostic } from '../../src/yang/diagnostics.ts';
import { validateInstance } from '../../src/yang/instance/validate.ts';
import { loadModules } from '../../src/yang/load.ts';
import type { SchemaContext } from '../../src/yang/schema.ts';
import { describeInfo } from './yang-info-text.ts';
import { describeModule } from './yang-schema-text.ts';
import { missingYanglint, parseProbes, yanglint } from './yang-yanglint.ts';
import { ROOT } from '../support/root.ts';

const HERE = join(ROOT, 'test/conformance');
const MODULES = join(HERE, 'modules');
const DATA = join(HERE, 'yang-data');
const PUBLISHED = resolve(HERE, '../../yang');

const skip = missingYanglint() ?? false;

let scratch = '';
before(() => {
  scratch = mkdtempSync(join(tmpdir(), 'syncline-yang-'));
});
after(() => rmSync(scratch, { recursive: true, force: true }));

function errorsOf(diagnostics: readonly Diagnostic[]): string[] {
  return diagnostics.filter(({ severity }) => severity === 'error').map(formatDiagnostic);
}

const corpus = readFileSync(join(MODULES, 'conformance-40.txt'), 'utf8')
  .split('\n')
  .filter((line) => line !== '')
  .map((line) => line.replace(/^T\d /, ''));

describe('the compiled schema is that of yanglint', { skip }, () => {
  for (const name of corpus) {
    test(`of ${name} and its imports`, async () => {
      const file = join(MODULES, `${name}.yang`);
      const { context, diagnostics } = loadModules({
        files: [file],
        searchPath: [MODULES, PUBLISHED],
        implementImports: true,
        lenientXPath: true,
      });
      assert.deepEqual(errorsOf(diagnostics), []);
      const files = context.modules.map((module) => module.position.file);
      const others = files.filter((other) => other !== file);
      const paths = ['-p', MODULES, '-p', PUBLISHED];
      const { accepted, output, errors } = await yanglint([
        '-i',
        ...paths,
        '-f',
        'info',
        file,
        ...others,
      ]);
      assert.ok(accepted, errors);
      compareInfo(output, context);
    });
  }
});

/**
 * Compares line by line, without their order: libyang puts keys before the other leafs of a list, and
 * applies augments in another order than that of the modules.
 */
function compareInfo(output: string, context: SchemaContext): void {
  const described = describeInfo(output);
  assert.ok(described.size > 0);
  for (const [name, lines] of described) {
    const module = context.findModule(name);
    assert.ok(module !== undefined, `${name} is not loaded`);
    assert.deepEqual(describeModule(module).sort(), lines.sort());
  }
}

test(
  'small modules get the verdict of yanglint, or another one for a reason',
  { skip },
  async (t) => {
    const probes = parseProbes(readFileSync(join(DATA, 'schema-probes.txt'), 'utf8'));
    for (const { probe, difference } of probes) {
      await t.test(probe, async () => {
        const text = `module p { yang-version 1.1; namespace "urn:p"; prefix p; ${probe} }`;
        const file = join(scratch, 'p.yang');
        writeFileSync(file, text);
        const { accepted } = await yanglint([file]);
        const { diagnostics } = compileModules({
          sources: [{ name: file, text }],
          find: () => undefined,
          lenientXPath: true,
        });
        const errors = errorsOf(diagnostics);
        assert.equal(
          (errors.length === 0) === accepted,
          difference === undefined,
          errors.join('\n'),
        );
      });
    }
  },
);

describe(
  'values and structures get the verdict and the canonical form of yanglint',
  { skip },
  () => {
    const model = join(DATA, 'probe-values.yang');
    const { context } = loadModules({ files: [model], searchPath: [] });
    const probes = parseProbes(readFileSync(join(DATA, 'value-probes.txt'), 'utf8'));
    for (const { probe, difference } of probes) {
      test(probe, async () => {
        const text = `{"probe-values:v":${probe}}`;
        const same = await sameAsYanglint({ files: [model], text, context });
        assert.equal(same, difference === undefined);
      });
    }
  },
);

/** Whether a document gets yanglint's verdict and, when it is accepted, its output. */
async function sameAsYanglint(probe: {
  files: string[];
  text: string;
  context: SchemaContext;
}): Promise<boolean> {
  const file = join(scratch, 'document.json');
  writeFileSync(file, probe.text);
  const { accepted, output } = await yanglint([
    ...['-p', MODULES, '-t', 'config', '-f', 'json'],
    ...probe.files,
    file,
  ]);
  const source = { name: file, text: probe.text };
  const ours = validateInstance(source, { context: probe.context, content: 'config' });
  if ((errorsOf(ours.diagnostics).length === 0) !== accepted) return false;
  if (!accepted) return true;
  const theirs: unknown = JSON.parse(output === '' ? '{}' : output);
  return JSON.stringify(ours.toJson()) === JSON.stringify(theirs);
}

describe(
  'documents of the draft models get the verdict and the canonical form of yanglint',
  { skip },
  () => {
    const folder = join(DATA, 'models');
    const files = readdirSync(folder).map((file) => join(folder, file));
    const { context, diagnostics } = loadModules({ files, searchPath: [MODULES, PUBLISHED] });
    for (const file of readdirSync(join(DATA, 'documents'))) {
      test(basename(file, '.json'), async () => {
        assert.deepEqual(errorsOf(diagnostics), []);
        const text = readFileSync(join(DATA, 'documents', file), 'utf8');
        const { diagnostics: found } = validateInstance({ name: file, text }, { context });
        assert.equal(errorsOf(found).length === 0, file.includes('-good'));
        assert.ok(await sameAsYanglint({ files, text, context }));
      });
    }
  },
);
