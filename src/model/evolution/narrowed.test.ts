import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileTexts, moduleText } from '../../../test/support/model-text.ts';
import { rollingObstacles } from './compatible.ts';
import { isImplied } from './implied.ts';
import type { Model } from '../ir/ir.ts';
import { checksOfNewColumns } from './narrowed.ts';

interface Parts {
  rules?: string;
  more?: string;
}

function compile(leafs: string, { rules = '', more = '' }: Parts = {}): Model {
  const { models, diagnostics } = compileTexts(
    moduleText(`list thing { key id; crp:entity "thing" { crp:column-group "g"; crp:column-group "h"; ${rules} }
      leaf id { type int32; } leaf z { type int32; } ${leafs} } ${more}`),
  );
  const errors = diagnostics.filter(({ severity }) => severity === 'error');
  assert.deepEqual(
    errors.map(({ message, hint }) => `${message} ${hint}`),
    [],
    leafs + rules + more,
  );
  return models[0]!;
}

const n = (type: string, rest = ''): Model =>
  compile(`leaf n { type ${type}${type.endsWith('}') ? '' : ';'} ${rest} }`);
const m = (rest: string): Model => compile(`leaf m { ${rest} crp:in-group "h"; }`);
const NONE = compile('');
const LOCAL = 'crp:site-local;';
const escrow = (bound: string): Model =>
  compile(`leaf left { type int64; crp:escrow "lower" { crp:bound "${bound}"; } }`);
const choice = (rest: string): string =>
  `choice c { ${rest} leaf a { type int8; } leaf b { type int8; } }`;
const set = (when: string): Model =>
  compile(`leaf-list tag { type string; ${when} crp:resolve "crp:add-wins"; }`);
const owned = (ownership: string): Model =>
  compile(
    'leaf site { type string; mandatory true; } leaf v { type int8; crp:resolve "crp:owner-wins"; }',
    {
      rules: ownership,
    },
  );
const other = (rest: string, leaf = 'leaf x { type int8; }'): Model =>
  compile('', {
    more: `list other { key id; crp:entity "other" { ${rest} } leaf id { type int8; } ${leaf} }`,
  });

/** Revisions of one entity, and what stands in the way of taking the second one while others have the first. */
const CASES: [what: string, before: Model, after: Model, expected: RegExp | undefined][] = [
  [
    'bound of a counter',
    escrow('0'),
    escrow('10'),
    /counter "left" has the bound 10 in place of 0.*another name/,
  ],
  ['own to replicated', n('int8', LOCAL), n('int8'), /"n" was site-local and is replicated/],
  ['replicated to own', n('int8'), n('int8', LOCAL), /"n" was replicated and is site-local/],
  ['replicated to derived', n('int8'), n('int8', `crp:derived "z + 1";`), /is derived: sites have/],
  [
    'derived otherwise',
    n('int8', 'crp:derived "z + 1";'),
    n('int8', 'crp:derived "z + 2";'),
    /"n" is derived otherwise/,
  ],
  ['a type of an own column', n('int8', LOCAL), n('string', LOCAL), /"n" became text: add/],
  ['an own column more', NONE, n('int8', LOCAL), undefined],
  ['a secret', n('int8'), n('int8', 'crp:secret;'), undefined],
  ['own table to replicated', other(LOCAL), other(''), /"other" was site-local/],
  ['replicated table to own', other(''), other(LOCAL), /"other" is gone/],
  [
    'a type in an own table',
    other(LOCAL),
    other(LOCAL, 'leaf x { type string; }'),
    /"other": column "x" became text/,
  ],

  ['mandatory', n('int8'), n('int8', 'mandatory true;'), /"n" must have a value.*another name/],
  ['a default', n('int8'), n('int8', 'default 1;'), /"n" must have a value/],
  [
    'a default of what has a value',
    n('int8', 'mandatory true;'),
    n('int8', 'default 1;'),
    undefined,
  ],
  ['no longer mandatory', n('int8', 'mandatory true;'), n('int8'), undefined],
  ['another default', n('int8', 'default 1;'), n('int8', 'default 2;'), /"n" has another default/],
  ['no default', n('int8', 'default 1;'), n('int8', 'mandatory true;'), /"n" has another default/],
  ['a mandatory column', NONE, m('type int8; mandatory true;'), /new column "m" has no default/],
  ['a column with a default', NONE, m('type int8; default 1;'), undefined],
  [
    'a set that may be absent',
    set(''),
    set('when "../id = 1";'),
    /set "h" may be absent|"tag" may not be/,
  ],

  ['a wider range', n('int8 { range 1..5; }'), n('int8 { range 0..9; }'), undefined],
  ['a range less', n('int32 { range 1..5; }'), n('int32'), undefined],
  [
    'a range',
    n('int32'),
    n('int32 { range 0..9; }'),
    /"n" may not be all that it was .*BETWEEN 0 AND 9/,
  ],
  ['a narrower range', n('int8 { range 1..5; }'), n('int8 { range 1..4; }'), /"n" may not be/],
  [
    'two ranges of one',
    n('int8 { range 1..5; }'),
    n('int8 { range "1..2 | 4..5"; }'),
    /"n" may not be/,
  ],
  ['one range of two', n('int8 { range "1..2 | 4"; }'), n('int8 { range 1..5; }'), undefined],
  ['another size', n('int8'), n('int16'), undefined],
  ['a smaller size', n('int16'), n('int8'), /"n" may not be/],
  [
    'decimals',
    n('decimal64 { fraction-digits 2; range "-0.5..1"; }'),
    n('decimal64 { fraction-digits 2; range "-0.51..1"; }'),
    undefined,
  ],
  [
    'fewer decimals',
    n('decimal64 { fraction-digits 2; range "-0.5..1"; }'),
    n('decimal64 { fraction-digits 2; range "-0.49..1"; }'),
    /"n" may not be/,
  ],
  ['a value more', n('enumeration { enum a; }'), n('enumeration { enum b; enum a; }'), undefined],
  [
    'a value less',
    n('enumeration { enum a; enum b; }'),
    n('enumeration { enum a; }'),
    /"n" may not be/,
  ],
  ['a bit more', n('bits { bit a; bit c; }'), n('bits { bit a; bit b; bit c; }'), undefined],
  ['bits turned', n('bits { bit a; bit b; }'), n('bits { bit b; bit a; }'), /"n" may not be/],
  ['a longer string', n('string { length 2..5; }'), n('string { length 2..max; }'), undefined],
  [
    'a shorter string',
    n('string { length 2..max; }'),
    n('string { length 2..5; }'),
    /"n" may not be/,
  ],
  [
    'a pattern',
    n("string { pattern 'a'; }"),
    n("string { pattern 'a'; pattern 'b'; }"),
    /"n" may not be/,
  ],
  [
    'a pattern less',
    n("string { pattern 'a'; pattern 'b'; }"),
    n("string { pattern 'b'; }"),
    undefined,
  ],
  [
    'a member more',
    n('union { type int8; type boolean; }'),
    n('union { type int8; type boolean; type enumeration { enum x; } }'),
    undefined,
  ],
  [
    'a member less',
    n('union { type int8; type boolean; }'),
    n('union { type int8; }'),
    /"n" may not be/,
  ],
  ['a condition', n('int8'), n('int8', 'must ". > 1";'), /"n" may not be/],
  ['a condition less', n('int8', 'must ". > 1";'), n('int8'), undefined],
  [
    'a condition under another name',
    n('int8', 'must ". > 1"; must ". > 2";'),
    n('int8', 'must ". > 2";'),
    undefined,
  ],
  ['a free choice', compile(choice('mandatory true;')), compile(choice('')), undefined],
  [
    'a choice that must be',
    compile(choice('')),
    compile(choice('mandatory true;')),
    /"a", "b" may not be/,
  ],
  [
    'elements',
    compile('leaf-list e { type int8; max-elements 3; }'),
    compile('leaf-list e { type int16; max-elements 4; }'),
    undefined,
  ],
  [
    'fewer elements',
    compile('leaf-list e { type int8; max-elements 3; }'),
    compile('leaf-list e { type int8; max-elements 2; }'),
    /"e" may not be/,
  ],
  ['a narrower new column', NONE, m('type int8 { range 1..5; }'), undefined],

  [
    'an owner that is asked',
    owned('crp:ownership "site";'),
    owned('crp:ownership "row" { crp:owner-leaf "site"; }'),
    /who owns its rows changed/,
  ],
  [
    'who may write',
    NONE,
    compile('', { rules: 'crp:ownership "site"; crp:append-only;' }),
    undefined,
  ],
];

test('what sites could not have one after the other is refused with the column and what to do', () => {
  for (const [what, before, after, expected] of CASES) {
    const obstacles = rollingObstacles(before, after).join('; ');
    if (expected === undefined) assert.equal(obstacles, '', what);
    else assert.match(obstacles, expected, what);
  }
});

test('what is not known to be wider is taken for narrower', () => {
  const conditions: [known: string, condition: string, expected: boolean][] = [
    [`NOT "a" >= 5`, `NOT "a" >= 3`, false],
    [`"a" NOT IN ('x')`, `"a" NOT IN ('x', 'y')`, false],
    [`"a" IN ('x')`, `"b" IN ('x', 'y')`, false],
    [`"a" IN ('it''s AND so', ')')`, `"a" IN (')', 'z', 'it''s AND so')`, true],
    [`"a" >= 5 AND "b" = 1`, `"b" = 1 OR "c"`, true],
    [`"a" >= 5 OR "b" = 1`, `"a" >= 5`, false],
    [`"a" BETWEEN 1 AND 2 AND "b" = 1`, `("b" BETWEEN 0 AND 1) AND ("a" BETWEEN 1 AND 3)`, true],
    [
      `"a" BETWEEN 18446744073709551614 AND 18446744073709551615`,
      `"a" = 18446744073709551615`,
      false,
    ],
    [`(("x" AND "y") OR "z")`, `(("x" AND "y") OR "z" OR "v")`, true],
    [`1 <= ALL ("a")`, `0 <= ALL ("a")`, true],
    [`1 <= ALL ("a")`, `0 >= ALL ("a")`, false],
  ];
  for (const [known, condition, expected] of conditions)
    assert.equal(isImplied([known], condition), expected, `${known} to ${condition}`);
});

test('rules of new columns are those that the rows of other sites have to keep with the defaults', () => {
  const { entities } = compile(`${choice('mandatory true;')} leaf y { type int8; must ". > 1"; }`);
  const before = compile('leaf y { type int8; }').entities[0]!;
  const names = checksOfNewColumns(before, entities[0]!).map(({ name }) => name);
  assert.deepEqual(names, ['thing_a_check', 'thing_b_check', 'thing_c_choice']);
});
