import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { patternToPostgres, patternToRegExp } from './render.ts';

const MATCHES: readonly (readonly [pattern: string, yes: string[], no: string[]])[] = [
  ['a|b', ['a', 'b'], ['ab', 'xa', '']],
  ['$5$^', ['$5$^'], ['5']],
  ['[a-z-[aeiou]]+', ['xyz'], ['xaz']],
  ['[^a-c]', ['d', '😀'], ['a', 'de']],
  ['[-a]', ['-', 'a'], ['b']],
  ['\\i\\c*', ['a1', '_x', 'ä'], ['1a', '-a']],
  ['\\d{2,}', ['12', '٣٤5'], ['1']],
  ['\\p{Lu}\\P{Lu}', ['Aa', 'Ä1'], ['aA']],
  ['\\p{IsGreek}+', ['αβγ'], ['abc']],
  ['.', ['a', '😀'], ['\n', '']],
  ['\\.\\-\\[\\]\\\\', ['.-[]\\'], ['x-[]\\']],
  ['(a|b){2}c?', ['ab', 'bac'], ['a', 'abcc']],
  ['', [''], ['a']],
  ['/#&', ['/#&'], ['#&']],
  ['[&&a]', ['&', 'a'], ['b']],
];

describe('XML Schema patterns become JavaScript expressions', () => {
  for (const [pattern, yes, no] of MATCHES) {
    test(pattern, () => {
      const expression = patternToRegExp(pattern)!;
      assert.deepEqual(
        yes.filter((text) => !expression.test(text)),
        [],
      );
      assert.deepEqual(
        no.filter((text) => expression.test(text)),
        [],
      );
    });
  }
});

test('what is no pattern gives nothing', () => {
  for (const pattern of ['[', '(', 'a{2,1}', '\\y', '*', '\\p{Nope}', '[z-a]', 'a{70000}']) {
    assert.equal(patternToRegExp(pattern), undefined);
    assert.equal(patternToPostgres(pattern), undefined);
  }
});

const POSTGRES: readonly (readonly [pattern: string, expression: string | undefined])[] = [
  ['[A-Z]{3}', '^(?:[A-Z]{3})$'],
  ['a|b', '^(?:a|b)$'],
  ['$5$', '^(?:\\$5\\$)$'],
  ['[a-c-[b]]', '^(?:[ac])$'],
  ['x.y', '^(?:x[^\\u000a\\u000d]y)$'],
  ['a{256}', undefined],
];

describe('XML Schema patterns become PostgreSQL expressions', () => {
  for (const [pattern, expression] of POSTGRES) {
    test(pattern, () => assert.equal(patternToPostgres(pattern), expression));
  }
});
