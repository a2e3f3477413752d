import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dollarQuote } from './names.ts';

const CASES: [sql: string, quoted: string][] = [
  ['BEGIN END', '$crp$BEGIN END$crp$'],
  ['"x$crp$; DROP"', '$crp1$"x$crp$; DROP"$crp1$'],
  ['$crp$ $crp1$', '$crp2$$crp$ $crp1$$crp2$'],
  ['ends in $crp', '$crp1$ends in $crp$crp1$'],
];

test('SQL in dollar quotes does not end them, whatever names are in it', () => {
  for (const [sql, quoted] of CASES) assert.equal(dollarQuote(sql), quoted);
});
