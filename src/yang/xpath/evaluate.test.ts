import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { compileModules } from '../compile/compile.ts';
import { validateInstance } from '../instance/validate.ts';

const NODES = `
  identity shape; identity round { base shape; } identity circle { base round; }
  container c {
    leaf n { type int32; } leaf s { type string; } leaf e { type enumeration { enum a; enum b { value 7; } } }
    leaf b { type bits { bit x; bit y; } } leaf i { type identityref { base shape; } }
    leaf r { type leafref { path "../l/k"; } } leaf d { type decimal64 { fraction-digits 2; } }
    list l { key k; leaf k { type string; } leaf v { type int32; } }
  }`;

const DOCUMENT = {
  n: 5,
  s: 'ab c',
  e: 'b',
  b: 'y',
  i: 'm:circle',
  r: 'two',
  d: '1.50',
  l: [
    { k: 'one', v: 1 },
    { k: 'two', v: 2 },
    { k: 'three', v: 3 },
  ],
};

/** Whether a document is valid when its container has this condition. */
function holds(condition: string): boolean {
  const must = `must "${condition.replaceAll('"', '\\"')}";`;
  const text = `module m { yang-version 1.1; namespace "urn:m"; prefix m; ${NODES.replace('container c {', `container c { ${must}`)} }`;
  const { context, diagnostics } = compileModules({
    sources: [{ name: 'm', text }],
    find: () => undefined,
  });
  assert.deepEqual(diagnostics, []);
  const document = { name: 'd', text: JSON.stringify({ 'm:c': DOCUMENT }) };
  const found = validateInstance(document, { context }).diagnostics;
  assert.ok(
    found.every(({ code }) => code === 'must-violation'),
    found[0]?.message,
  );
  return found.length === 0;
}

const TRUE: readonly string[] = [
  'n = 5',
  'n != 6',
  'n + 1 = 6',
  'n * 2 - 1 = 9',
  'n div 2 = 2.5',
  'n mod 2 = 1',
  '- n = -5',
  'n > 4 and n < 6',
  'n = 6 or n = 5',
  "s = 'ab c'",
  "d = '1.5'",
  "d = '1.50'",
  'd = 1.5',
  'count(l) = 3',
  'sum(l/v) = 6',
  "l[k = 'two']/v = 2",
  'l[2]/v = 2',
  'l[last()]/v = 3',
  'l[position() > 1]/v = 3',
  'l[k = current()/r]/v = 2',
  'l/v = 2',
  'l/v != 2',
  'not(l/v = 4)',
  'count(l[v > 1]) = 2',
  'count(l[v > 1][1]) = 1',
  'count(*) = 10',
  'count(l | n) = 4',
  'count(//v) = 3',
  'count(/m:c/m:l) = 3',
  "l[3]/preceding-sibling::l[1]/k = 'two'",
  "l[1]/following-sibling::l/k = 'three'",
  'count(l[1]/ancestor::*) = 1',
  'count(descendant::v) = 3',
  'n/.. = .',
  'count(l/k/..) = 3',
  'string-length(s) = 4',
  "contains(s, 'b ')",
  "starts-with(s, 'ab')",
  "substring(s, 2, 2) = 'b '",
  "substring-before(s, ' ') = 'ab'",
  "substring-after(s, ' ') = 'c'",
  "concat(s, n) = 'ab c5'",
  "translate(s, 'abc', 'AB') = 'AB '",
  "normalize-space(' x  y ') = 'x y'",
  'floor(1.5) = 1',
  'ceiling(1.5) = 2',
  'round(1.5) = 2',
  "number('x') != number('x')",
  "string(n) = '5'",
  'boolean(n)',
  'true() and not(false())',
  "local-name(n) = 'n'",
  "name(n) = 'm:n'",
  "namespace-uri(n) = 'urn:m'",
  "re-match(s, '[a-c ]+')",
  'deref(r)/../v = 2',
  "derived-from(i, 'm:shape')",
  "derived-from(i, 'round')",
  "not(derived-from(i, 'circle'))",
  "derived-from-or-self(i, 'circle')",
  "i = 'circle'",
  "i = 'm:circle'",
  'enum-value(e) = 7',
  "bit-is-set(b, 'y')",
  "not(bit-is-set(b, 'x'))",
  'self::node()/n = 5',
  "(l)[2]/k = 'two'",
  "l[k='one' or k='two'][2]/v = 2",
  'n/text() = 5',
  'current()/n = 5',
  "'b' = e",
  '2 < l/v',
  'count(l[v=1]/following-sibling::*) >= 2',
];

describe('conditions that hold', () => {
  for (const condition of TRUE) test(condition, () => assert.ok(holds(condition)));
});

const FALSE: readonly string[] = [
  'n = 6',
  "s = 'x'",
  'l/v > 3',
  'count(l) = 2',
  "re-match(s, 'ab')",
  "derived-from(i, 'circle')",
  'l[4]',
  'deref(r)/../v = 1',
  '0',
  "''",
  'number(s) = number(s)',
];

describe('conditions that do not hold', () => {
  for (const condition of FALSE) test(condition, () => assert.ok(!holds(condition)));
});
