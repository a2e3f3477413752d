import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileTexts, moduleText } from '../../../test/support/model-text.ts';
import { compareRevisions } from './evolution.ts';
import type { Difference, Revision } from './evolution.ts';

const entity = (content: string, rules = ''): string =>
  moduleText(`identity animal; identity cat { base animal; } identity plant; identity rose { base plant; base animal; }
    list thing { key id; crp:entity "thing" { ${rules} } leaf id { type int32; } ${content} }`);

function revision(text: string, date: string): Revision {
  const { models, context, diagnostics } = compileTexts(text.replace('2026-11-24', date));
  assert.deepEqual(diagnostics, []);
  return { model: models[0]!, context };
}

function differences(before: string, after: string, date = '2026-12-01'): Difference[] {
  return compareRevisions(revision(before, '2026-11-24'), revision(after, date));
}

const leaf = (type: string, rest = ''): string =>
  `leaf a { type ${type}${type.endsWith('}') ? '' : ';'} ${rest} }`;
const list = (rest: string): string =>
  entity(`leaf a { type int32; } leaf b { type int32; } ${rest}`);
const CLASH = '{ crp:on-unique-clash "park"; }';

/** [before, after, what changed; with "!" in front when RFC 7950 §11 forbids it]. */
const CHANGES: [before: string, after: string, what: string][] = [
  [entity(''), entity(leaf('int32')), 'leaf added'],
  [entity(''), entity(leaf('int32', 'mandatory true;')), '!mandatory leaf added'],
  [entity(''), entity(leaf('int32', 'default 1;')), 'leaf added'],
  [entity(''), entity('leaf-list a { type int32; min-elements 1; }'), '!mandatory leaf-list added'],
  [entity(leaf('int32')), entity(''), '!leaf removed'],
  [entity(leaf('int8')), entity(leaf('int16')), '!type int8 became int16'],
  [entity(leaf('int8 { range 1..5; }')), entity(leaf('int8 { range 1..9; }')), 'range widened'],
  [entity(leaf('int8 { range 1..5; }')), entity(leaf('int8')), 'range widened'],
  [entity(leaf('int8')), entity(leaf('int8 { range 1..5; }')), '!range narrowed'],
  [
    entity(leaf('string { length 1..5; }')),
    entity(leaf('string { length 1..6; }')),
    'length widened',
  ],
  [
    entity(leaf('string { length 1..5; }')),
    entity(leaf('string { length 2..6; }')),
    '!length narrowed',
  ],
  [entity(leaf("string { pattern 'a'; }")), entity(leaf('string')), 'pattern removed'],
  [entity(leaf('string')), entity(leaf("string { pattern 'a'; }")), '!pattern added or changed'],
  [
    entity(leaf('enumeration { enum x; }')),
    entity(leaf('enumeration { enum x; enum y; }')),
    'enum "y" added',
  ],
  [
    entity(leaf('enumeration { enum x; enum y; }')),
    entity(leaf('enumeration { enum x; }')),
    '!enum "y" removed',
  ],
  [
    entity(leaf('enumeration { enum x; }')),
    entity(leaf('enumeration { enum x { value 3; } }')),
    '!enum "x" has another value',
  ],
  [entity(leaf('bits { bit x; }')), entity(leaf('bits { bit x; bit y; }')), 'bit "y" added'],
  [
    entity(leaf('decimal64 { fraction-digits 2; }')),
    entity(leaf('decimal64 { fraction-digits 3; }')),
    '!fraction-digits changed',
  ],
  [
    entity(leaf('union { type int8; }')),
    entity(leaf('union { type int8; type string; }')),
    'members added at the end of the union',
  ],
  [
    entity(leaf('identityref { base animal; base plant; }')),
    entity(leaf('identityref { base animal; }')),
    'base removed',
  ],
  [
    entity(leaf('identityref { base animal; }')),
    entity(leaf('identityref { base animal; base plant; }')),
    '!base plant added',
  ],
  [
    entity(leaf('leafref { path "../../thing/id"; }', 'crp:on-orphan "keep";')),
    entity(leaf('leafref { path "../../thing/id"; require-instance false; }')),
    'require-instance became false',
  ],
  [entity(leaf('int8', 'mandatory true;')), entity(leaf('int8')), 'is no longer mandatory'],
  [entity(leaf('int8')), entity(leaf('int8', 'mandatory true;')), '!became mandatory'],
  [entity(leaf('int8')), entity(leaf('int8', 'default 1;')), 'default added'],
  [entity(leaf('int8', 'default 1;')), entity(leaf('int8', 'default 2;')), '!default changed'],
  [entity(leaf('int8', 'default 1;')), entity(leaf('int8')), '!default removed'],
  [entity(leaf('int8', 'must ". > 1";')), entity(leaf('int8')), 'must . > 1 removed'],
  [entity(leaf('int8')), entity(leaf('int8', 'must ". > 1";')), '!must . > 1 added'],
  [list(''), list(`unique a ${CLASH}`), '!unique "a" added'],
  [list(`unique a ${CLASH}`), list(''), 'unique "a" removed'],
  [
    entity('leaf-list a { type int8; max-elements 3; }'),
    entity('leaf-list a { type int8; max-elements 4; }'),
    'max-elements became 4',
  ],
  [entity('container c { }'), entity('container c { presence "x"; }'), '!presence added'],
  [
    entity('choice c { leaf x { type int8; } }'),
    entity('leaf x { type int8; }'),
    '!choice removed',
  ],
  [
    entity('choice c { leaf x { type int8; } }'),
    entity('choice c { leaf x { type int8; } leaf y { type int8; } }'),
    'case added',
  ],
  [
    entity(leaf('int8', 'crp:in-group "g";'), 'crp:column-group "g";'),
    entity(leaf('int8')),
    '!column "a" moved from group "g" to "row"',
  ],
  [
    entity(leaf('int64', 'default 0;')),
    entity(leaf('int64', 'default 0;'), 'crp:resolve "crp:additive";'),
    '!method of group "row" became additive',
  ],
  [
    entity(''),
    entity('').replace('crp:entity "thing"', 'crp:entity "item"'),
    '!entity renamed to "item"',
  ],
];

for (const [before, after, expected] of CHANGES) {
  test(`between revisions: ${expected}`, () => {
    const [first] = differences(before, after).filter(
      ({ what }) => what === expected.replace('!', ''),
    );
    assert.ok(first, JSON.stringify(differences(before, after)));
    assert.equal(first.allowed, !expected.startsWith('!'));
    assert.equal(first.rollout, first.allowed ? 'rolling' : 'together');
    assert.match(first.position.file, /test-model\.yang$/);
  });
}

test('a new column rolls in a group of its own; in one that is there all sites change together', () => {
  const there = 'leaf b { type int8; }';
  const rollout = (text: string): string[] =>
    differences(entity(there), text).map(({ rollout: how, what }) => `${how} ${what}`);
  const grouped = `${there} ${leaf('int8', 'crp:in-group "g";')}`;
  assert.deepEqual(rollout(entity(grouped, 'crp:column-group "g";')), ['rolling leaf added']);
  assert.deepEqual(rollout(entity(`${there} ${leaf('int8')}`)), [
    'rolling leaf added',
    'together column "a" is new in group "row", which is there already',
  ]);
});

test('what RFC 7950 allows and sites cannot take one by one is said, too', () => {
  const found = differences(entity(leaf('int8')), entity(leaf('int8', 'default 1;')));
  assert.deepEqual(
    found.map(({ allowed, rollout }) => [allowed, rollout]),
    [
      [true, 'rolling'],
      [true, 'together'],
    ],
  );
  assert.match(found[1]!.what, /entity "thing": column "a" must have a value/);
});

test('the same text is no difference, and a change needs a new revision', () => {
  assert.deepEqual(differences(entity(''), entity('')), []);
  const [first] = differences(entity(''), entity(leaf('int32')), '2026-11-24');
  assert.equal(first!.what, 'revision 2026-11-24 is not newer than 2026-11-24');
  assert.equal(first!.allowed, false);
});
