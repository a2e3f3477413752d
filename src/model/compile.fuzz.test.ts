import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { compileTexts } from '../../test/support/model-text.ts';
import { ROOT } from '../../test/support/root.ts';
import { SEED } from '../../test/support/seed.ts';

const MODELS = join(ROOT, 'models');

const TEXTS = readdirSync(MODELS).map((name) => {
  const folder = join(MODELS, name);
  const file = readdirSync(folder).find((one) => one.endsWith('.yang'))!;
  return readFileSync(join(folder, file), 'utf8');
});

/** Statements that an author may write anywhere by mistake. */
const STRAY = [
  ...['crp:in-group "nothing";', 'crp:resolve "crp:additive";', 'crp:entity "again";'],
  ...[
    'must "../x > 1";',
    'must "count(../*) = ../..";',
    'when "..";',
    'type leafref { path ".."; }',
  ],
  ...['unique "name";', 'config false;', 'crp:on-orphan "keep";', 'presence "x";', 'default "x";'],
  ...['type union { type int8; type empty; }', 'type bits { bit a; }', 'mandatory true;'],
  ...['crp:sql-column "a" { crp:sql-type "x"; }', 'crp:annotate "/a:b" { crp:secret; }', '}', '{'],
];

const WORDS = [
  'leaf',
  'list',
  'container',
  'leaf-list',
  'choice',
  'int32',
  'string',
  'binary',
  'key',
];

type Edit = { at: number; how: 'delete' | 'repeat' | 'stray' | 'word'; pick: number };

const EDIT: fc.Arbitrary<Edit> = fc.record({
  at: fc.double({ min: 0, max: 0.999, noNaN: true }),
  how: fc.constantFrom('delete', 'repeat', 'stray', 'word'),
  pick: fc.nat(1000),
});

function edited(text: string, edits: readonly Edit[]): string {
  const lines = text.split('\n');
  for (const { at, how, pick } of edits) {
    const index = Math.floor(at * lines.length);
    const line = lines[index] ?? '';
    if (how === 'delete') lines.splice(index, 1);
    else if (how === 'repeat') lines.splice(index, 0, line);
    else if (how === 'stray') lines.splice(index, 0, STRAY[pick % STRAY.length]!);
    else lines[index] = line.replace(/\b[a-z][a-z0-9-]+\b/, WORDS[pick % WORDS.length]!);
  }
  return lines.join('\n');
}

test('whatever a model looks like, it is compiled or refused with places', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...TEXTS),
      fc.array(EDIT, { minLength: 1, maxLength: 4 }),
      (text, edits) => {
        const changed = edited(text, edits);
        if (!/module\s+[\w-]+/.test(changed)) return;
        const { models, diagnostics } = compileTexts(changed);
        const errors = diagnostics.filter((diagnostic) => diagnostic.severity === 'error');
        assert.equal(models.length === 0, errors.length > 0, JSON.stringify(diagnostics));
        for (const { span } of diagnostics) {
          assert.ok(span.start.line >= 1 && span.start.column >= 1, JSON.stringify(span));
          assert.match(span.start.file, /\.yang$/);
        }
      },
    ),
    { seed: SEED, numRuns: 300 },
  );
});
