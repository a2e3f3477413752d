import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { checkFile } from './check.ts';
import { completeAt } from './completion.ts';
import { cursorAt, withoutTyped } from './cursor.ts';
import { hoverAt } from './hover.ts';
import { placeAt, toRange } from './lines.ts';
import { quickFix } from './quick-fix.ts';
import { CrpReference } from './reference.ts';
import { Workspace } from './workspace.ts';
import { ROOT } from '../../test/support/root.ts';
import { SEED } from '../../test/support/seed.ts';

const FOLDERS = ['yang', ...readdirSync(join(ROOT, 'models')).map((name) => `models/${name}`)].map(
  (folder) => join(ROOT, folder),
);
const MODELS = FOLDERS.slice(1).flatMap((folder) =>
  readdirSync(folder)
    .filter((name) => name.endsWith('.yang'))
    .map((name) => join(folder, name)),
);
const reference = new CrpReference(FOLDERS);

/** What a person leaves behind on the way from one statement to the next. */
const PIECES = [
  ...['{', '}', ';', '"', "'", '/*', '//', '+', ':', '/', '\\', '\n', '\r', '\t', '\u0000', '😀'],
  ...[
    'crp:',
    'crp:in-group "',
    'crp:resolve crp:',
    'crp:annotate "/',
    'crp:entity',
    'leaf ',
    'uses ',
  ],
  ...[
    'import common-replication { prefix ',
    'submodule a { belongs-to ',
    'crp:__proto__ "',
    'crp:constructor ',
  ],
];

interface Edit {
  at: number;
  remove: number;
  insert: string;
}

const EDIT: fc.Arbitrary<Edit> = fc.record({
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  remove: fc.oneof(fc.nat(8), fc.nat(400)),
  insert: fc.oneof(fc.constant(''), fc.constantFrom(...PIECES)),
});

/** The text with the edits made, cut off behind the last one, and the offset where that was. */
function edited(text: string, edits: readonly Edit[], cut: boolean): { text: string; at: number } {
  let at = text.length;
  for (const edit of edits) {
    at = Math.floor(edit.at * text.length);
    text = text.slice(0, at) + edit.insert + text.slice(at + edit.remove);
    at += edit.insert.length;
  }
  return { text: cut ? text.slice(0, at) : text, at };
}

const CASE = fc.record({
  file: fc.constantFrom(...MODELS),
  edits: fc.array(EDIT, { minLength: 1, maxLength: 4 }),
  cut: fc.boolean(),
});

function textOf({ file, edits, cut }: { file: string; edits: Edit[]; cut: boolean }) {
  const workspace = new Workspace(FOLDERS);
  const made = edited(readFileSync(file, 'utf8'), edits, cut);
  workspace.set(file, made.text);
  return { workspace, at: made.at, text: workspace.texts.get(file)! };
}

test('hover and completion answer wherever a text was broken off', () => {
  fc.assert(
    fc.property(CASE, (one) => {
      const { workspace, at, text } = textOf(one);
      const options = { workspace, reference, snippets: true };
      for (const item of completeAt(one.file, text, at, options)) {
        assert.ok(item.textEdit !== undefined && 'range' in item.textEdit);
        const { start, end } = item.textEdit.range;
        const { line, column } = placeAt(text, at);
        assert.equal(start.line, line - 1);
        assert.equal(end.line, line - 1);
        assert.ok(start.character <= column - 1 && end.character >= column - 1);
      }
      hoverAt(text, placeAt(text, at), reference);
      const cursor = cursorAt(text, at);
      if (cursor !== undefined) assert.equal(withoutTyped(text, cursor).length, text.length);
    }),
    { seed: SEED, numRuns: 300 },
  );
});

test('every text is checked, with places that are in it', () => {
  fc.assert(
    fc.property(CASE, (one) => {
      const { workspace, text } = textOf(one);
      const root = workspace.rootOf(one.file);
      const lines = text.split('\n');
      const { diagnostics } = checkFile(root, workspace, { yang: true });
      for (const diagnostic of diagnostics.get(one.file) ?? []) {
        const { start, end } = toRange(diagnostic.span);
        for (const { line, character } of [start, end]) {
          const where = `${diagnostic.code} ${line}:${character}`;
          assert.ok(line >= 0 && line < lines.length && character >= 0, where);
          assert.ok(character <= lines[line]!.length + 1, where);
        }
        quickFix(text, diagnostic);
      }
    }),
    {
      numRuns: 100,
      // A quote that opens an argument of a wrong kind, which ends lines later.
      examples: [
        [
          {
            file: MODELS.find((file) => file.endsWith('common-prepaid.yang'))!,
            edits: [{ at: 0.00076, remove: 0, insert: "'" }],
            cut: false,
          },
        ],
      ],
    },
  );
});
