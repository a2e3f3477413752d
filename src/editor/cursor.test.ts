import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cursorAt, withoutTyped } from './cursor.ts';

/** `|` is the cursor. */
const CASES: [text: string, around: string, keyword: string | undefined, typed: string][] = [
  ['|', '', undefined, ''],
  ['mod|', '', undefined, 'mod'],
  ['module a { |', 'module', undefined, ''],
  ['module a { leaf b { crp:|', 'module leaf', undefined, 'crp:'],
  ['module a { leaf b { type string; } crp:se|', 'module', undefined, 'crp:se'],
  ['module a { crp:service |', 'module', 'crp:service', ''],
  ['module a { crp:service na|', 'module', 'crp:service', 'na'],
  ['module a { crp:service "na|', 'module', 'crp:service', 'na'],
  ["module a { crp:service '|", 'module', 'crp:service', ''],
  ['module a { crp:service "a;b { |', 'module', 'crp:service', 'a;b { '],
  ['module a { x "}" + "{"; leaf y { |', 'module leaf', undefined, ''],
  // A statement whose end is missing: what follows is the next one.
  ['module a { leaf b crp:s|', 'module', undefined, 'crp:s'],
];

test('a cursor is read from what stands before it', () => {
  for (const [marked, around, keyword, typed] of CASES) {
    const offset = marked.indexOf('|');
    const cursor = cursorAt(`${marked.slice(0, offset)} "rest" } {`, offset);
    assert.equal(cursor?.around.map((one) => one.keyword).join(' '), around, marked);
    assert.equal(cursor.typed, typed, marked);
    assert.equal(cursor.keyword, keyword, marked);
  }
});

test('nothing is typed in comments and behind arguments', () => {
  for (const text of [
    'module a { // crp:',
    'module a { /* crp:',
    'module a { crp:service "a"',
    'module a { crp:service "a" + "b',
    'module a { crp:service "a" ',
  ]) {
    assert.equal(cursorAt(text, text.length), undefined, text);
  }
});

test('what is typed is taken out and all else keeps its place', () => {
  const cases: [string, string][] = [
    ['leaf a { crp:in| }', 'leaf a {         }'],
    ['leaf a { crp:in-group "s|"; type b; }', 'leaf a {                    type b; }'],
    ['leaf a { crp:in-group "s|\n  type b; }', 'leaf a {              \n  type b; }'],
    ['leaf a { crp:in-group s|tate; }', 'leaf a {                      }'],
  ];
  for (const [marked, expected] of cases) {
    const offset = marked.indexOf('|');
    const text = marked.replace('|', '');
    const left = withoutTyped(text, cursorAt(text, offset)!);
    assert.equal(left.length, text.length);
    assert.equal(left.replace(/\s+/g, ' '), expected.replace(/\s+/g, ' '), marked);
    const at = text.indexOf('type b');
    if (at >= 0) assert.equal(left.indexOf('type b'), at);
  }
});
