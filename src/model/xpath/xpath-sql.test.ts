import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileTexts, moduleText } from '../../../test/support/model-text.ts';

const model = (must: string): string =>
  moduleText(`identity kind; identity a { base kind; } identity b { base a; }
  list thing { key id; crp:entity "thing"; must "${must}";
    leaf id { type int32; }
    leaf n { type int32; } leaf m { type int32; mandatory true; }
    leaf s { type string; } leaf on { type boolean; default true; }
    leaf e { type enumeration { enum low; enum high { value 7; } } }
    leaf k { type identityref { base kind; } }
    leaf f { type bits { bit x; bit y; } }
    leaf-list set { type string; }
    container c { leaf d { type decimal64 { fraction-digits 2; } default 1.5; } }
    list other { key x; crp:entity "other" { crp:on-orphan "keep"; } leaf x { type int32; } }
  }`);

/** [condition, SQL]: columns that may be NULL make a comparison false, as in XPath. */
const SQL: [string, string][] = [
  ['m > 5', '("m" > 5)'],
  ['n > 5', 'coalesce("n" > 5, false)'],
  ['5 &lt;= n'.replace('&lt;', '<'), 'coalesce(5 <= "n", false)'],
  ["s = 'x'", `coalesce("s" = 'x', false)`],
  ["not(s = 'x')", `(NOT coalesce("s" = 'x', false))`],
  ["s != 'it' and m", `(coalesce("s" <> 'it', false) AND true)`],
  ['n or s', '(("n" IS NOT NULL) OR ("s" IS NOT NULL))'],
  ["on = 'true'", '("on" = true)'],
  ["on = 'x'", 'false'],
  ["n != 'x'", '("n" IS NOT NULL)'],
  ["n = '5'", 'coalesce("n" = 5, false)'],
  ['n + m * 2 >= c/d', 'coalesce(("n"::numeric + ("m"::numeric * 2)) >= "c_d", false)'],
  ['m div 0 = 1', 'coalesce(("m"::numeric / nullif(0, 0)) = 1, false)'],
  ['m mod 2 = 1', 'coalesce(("m"::numeric % nullif(2, 0)) = 1, false)'],
  ['-m < 0', '((-"m"::numeric) < 0)'],
  ["e = 'high'", `coalesce("e" = 'high', false)`],
  ['enum-value(e) > 3', `coalesce(CASE "e" WHEN 'low' THEN 0 WHEN 'high' THEN 7 END > 3, false)`],
  ["k = 't:a'", `coalesce("k" = 'test-model:a', false)`],
  ["derived-from(k, 't:a')", `coalesce("k" IN ('test-model:b'), false)`],
  ["derived-from-or-self(k, 't:a')", `coalesce("k" IN ('test-model:a', 'test-model:b'), false)`],
  ["bit-is-set(f, 'y')", `coalesce('y' = ANY (string_to_array("f", ' ')), false)`],
  ["set = 'x'", `('x' = ANY ("set"))`],
  ["set != 'x'", `('x' <> ANY ("set"))`],
  ['count(set) < 3', '(cardinality("set") < 3)'],
  ['count(n) = 1', '((("n" IS NOT NULL))::integer = 1)'],
  ['set', '(cardinality("set") > 0)'],
  ['string-length(s) > 1', `(char_length(coalesce("s", '')) > 1)`],
  ["starts-with(s, 'a')", `starts_with(coalesce("s", ''), 'a')`],
  ["contains(s, 'a')", `(strpos(coalesce("s", ''), 'a') > 0)`],
  ["re-match(s, 'a|b')", `(coalesce("s", '') ~ '^(?:a|b)$')`],
  ["concat(s, '.', m) = 'x.1'", `(concat("s", '.', "m"::text) = 'x.1')`],
  ["translate(s, 'a', 'b') = 'b'", `coalesce(translate("s", 'a', 'b') = 'b', false)`],
  ['round(c/d) = floor(2.5)', '(floor("c_d" + 0.5) = floor(2.5))'],
  ['current()/m = 1', '("m" = 1)'],
  ['boolean(n) = true()', '(("n" IS NOT NULL) = true)'],
];

for (const [condition, sql] of SQL) {
  test(`${condition} in SQL`, () => {
    const { models, diagnostics } = compileTexts(model(condition));
    assert.deepEqual(diagnostics, []);
    assert.equal(
      models[0]!.entities[0]!.checks.find((check) => check.name === 'thing_must')!.expression,
      sql,
    );
  });
}

/** [condition, why one row cannot answer it]. */
const REFUSED: [string, string][] = [
  ['count(../thing) < 5', 'it looks at other rows of the entity'],
  ['other', 'it looks at list "other"'],
  ['/t:thing/n', 'an absolute path selects the nodes of all rows'],
  ['count(../thing[t:id = 1]) = 1', 'it selects rows by a predicate'],
  ["s > 'x'", 'a value that is not a number is used as one'],
  ['on < true()', 'booleans have no order'],
  ['sum(set) = 1', 'function sum() has no counterpart'],
  ['position() = 1', 'function position() has no counterpart'],
  ['preceding-sibling::thing', 'axis "preceding-sibling" looks beyond the row'],
];

for (const [condition, reason] of REFUSED) {
  test(`${condition} cannot be a check of a row`, () => {
    const { models, diagnostics } = compileTexts(model(condition));
    assert.deepEqual(models, []);
    const found = diagnostics.filter((diagnostic) => diagnostic.code === 'CRP213');
    assert.equal(found.length, 1, JSON.stringify(diagnostics));
    assert.ok(found[0]!.message.includes(reason), found[0]!.message);
  });
}
