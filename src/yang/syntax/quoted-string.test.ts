import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { argumentPosition } from '../statement.ts';
import { parseSource } from './parser.ts';

/** Argument of `description` in a module of version 1.1; `¶` stands for a line break, `→` for a tab. */
function argumentOf(written: string, version = '1.1'): string | undefined {
  const text = `module m { yang-version ${version};\n${written.replaceAll('¶', '\n').replaceAll('→', '\t')} }`;
  const { root } = parseSource({ name: 'm.yang', text });
  return root?.substatements.find(({ keyword }) => keyword === 'description')?.argument;
}

const STRINGS: readonly (readonly [sentence: string, written: string, value: string])[] = [
  ['an unquoted string ends at a blank', 'description a/b+c ;', 'a/b+c'],
  ['single quotes keep everything', "description 'a\\n  ¶   b';", 'a\\n  \n   b'],
  ['pieces are joined', `description "a" + 'b' + "c";`, 'abc'],
  ['comments may stand around the plus', 'description "a" /* x */ + // y¶ "b";', 'ab'],
  ['escapes are replaced', 'description "a\\n\\t\\"\\\\b";', 'a\n\t"\\b'],
  [
    'lines lose the indentation of the quote',
    'description "a¶             b¶            c¶  d";',
    'a\nb\nc\nd',
  ],
  ['deeper lines keep the rest of it', 'description "a¶               b";', 'a\n  b'],
  ['blanks before a line break go', 'description "a  → ¶             b";', 'a\nb'],
  ['blanks behind a written line break stay', 'description "a\\n      b";', 'a\n      b'],
  ['a written blank before a line break stays', 'description "a\\t¶             b";', 'a\t\nb'],
  ['a tab in the indentation counts as eight blanks', 'description "a¶→→b";', 'a\n   b'],
  ['a tab before the quote counts as eight columns', '→description "a¶→→   b";', 'a\nb'],
  ['the end of a carriage return is dropped', 'description "a\r¶             b";', 'a\nb'],
];

describe('strings mean what RFC 7950 §6.1.3 says', () => {
  for (const [sentence, written, value] of STRINGS) {
    test(sentence, () => assert.equal(argumentOf(written), value));
  }

  test('an unknown escape is kept in YANG 1', () => {
    assert.equal(argumentOf('description "a\\qb";', '1'), 'a\\qb');
  });
});

test('each character of an argument knows its place in the file', () => {
  const text = 'module m { description "ab\\tc\n                        d" +\n  \'e\'; }';
  const { root } = parseSource({ name: 'm.yang', text });
  const [description] = root!.substatements;
  assert.equal(description!.argument, 'ab\tc\nde');
  const places = [0, 1, 3, 5, 6].map((offset) => {
    const { line, column } = argumentPosition(description!, offset);
    return `${line}:${column}`;
  });
  assert.deepEqual(places, ['1:25', '1:26', '1:29', '2:25', '3:4']);
});
