import assert from 'node:assert/strict';
import { test } from 'node:test';
import { entity, testDiagnostics } from '../../../test/support/diagnostics.ts';
import type { Case } from '../../../test/support/diagnostics.ts';
import { compileTexts, moduleText } from '../../../test/support/model-text.ts';
import { MODEL_CODES } from './diagnostic-codes.ts';

const CASES: Case[] = [
  {
    code: 'misplaced-crp',
    text: entity('leaf a { type int32; «crp:column-group "x"; }'),
    says: ['"crp:column-group" is not allowed in "leaf"', 'crp:entity'],
  },
  {
    code: 'repeated-crp',
    text: entity('leaf a { type int32; crp:in-group "row"; «crp:in-group "row"; }'),
    says: ['more than once', 'the first one'],
  },
  {
    code: 'missing-crp',
    text: entity('leaf a { type int32; «crp:escrow "lower"; }'),
    says: ['"crp:escrow" has no "crp:bound"'],
  },
  {
    code: 'missing-crp',
    text: entity('', 'crp:ownership "«row";'),
    says: ['"crp:ownership" has no "crp:owner-leaf"'],
  },
  {
    code: 'unknown-path',
    text: entity('leaf home { type string; }', 'crp:ownership "row" { crp:owner-leaf "«hme"; }'),
    says: ['there is no leaf "hme" in entity "thing"', 'Did you mean "home"?'],
  },
  {
    code: 'crp-does-not-fit',
    text: entity('leaf home { type string; }', 'crp:ownership "row" { crp:owner-leaf "«home"; }'),
    says: ['has to be a mandatory leaf'],
  },
  {
    code: 'crp-does-not-fit',
    text: entity('leaf home { type string; }', 'crp:ownership "site" { crp:owner-leaf "«home"; }'),
    says: ['only ownership "row"'],
  },
  {
    code: 'bad-crp-argument',
    text: entity('', 'crp:on-delete-update "«delte";'),
    says: ['"delte"', 'one of "delete"', 'Did you mean "delete"?'],
  },
  {
    code: 'bad-crp-argument',
    text: entity('', 'crp:expires-at "x" { crp:grace "«10 minutes"; }'),
    says: ['duration', 'PT10M'],
  },
  {
    code: 'crp-does-not-fit',
    text: moduleText(
      `list a { key id; crp:entity "a"; leaf id { type int32; crp:in-group "«row"; } }`,
    ),
    says: ['key columns are in no group'],
  },
  {
    code: 'crp-does-not-fit',
    text: entity(
      'leaf a { type int32; crp:in-group "g"; crp:resolve "«crp:additive"; }',
      'crp:column-group "g";',
    ),
    says: ['the group has its method'],
  },
  {
    code: 'crp-does-not-fit',
    text: moduleText('container c { crp:in-group "«row"; }', 'crp:service "test";'),
    says: ['it is not part of an entity'],
  },
  {
    code: 'crp-does-not-fit',
    text: entity('leaf a { type int32; crp:on-orphan "«keep"; }'),
    says: ['only for a leafref'],
  },
  {
    code: 'crp-does-not-fit',
    text: entity('', 'crp:on-delete "«cascade";'),
    says: ['the entity is not inside another one'],
  },
  {
    code: 'crp-does-not-fit',
    text: entity('', 'crp:sql-table "t" { crp:fire-always "«x"; }'),
    says: ['crp:adopt "table"'],
  },
  {
    code: 'crp-does-not-fit',
    text: moduleText(`list a { key id; crp:entity "a"; leaf id { type int32; } }
      crp:annotate "/t:a/t:id" { crp:entity "«x"; }`),
    says: ['leaf "id" cannot have it'],
  },
  {
    code: 'crp-does-not-fit',
    text: moduleText(
      `list a { key id; crp:entity "a"; leaf id { type int32; crp:resolve "«crp:additive"; } }`,
    ),
    says: ['key columns are in no group'],
  },
  {
    code: 'crp-in-change',
    text: moduleText(`grouping g { leaf a { type int32; } }
      list thing { key id; crp:entity "thing"; leaf id { type int32; }
        uses g { refine a { «crp:in-group "row"; } } }`),
    says: ['no defined meaning in "refine"', 'crp:annotate'],
  },
  {
    code: 'unknown-method',
    text: entity('leaf a { type int32; crp:resolve "«crp:latest-timestmp"; }'),
    says: ['Did you mean "crp:latest-timestamp"?'],
  },
  {
    code: 'unknown-method',
    text: entity('leaf a { type int32; crp:resolve "«additive"; }'),
    says: ['Write it with its prefix: "crp:additive"'],
  },
  {
    code: 'unknown-group',
    text: entity('leaf a { type int32; crp:in-group "«stat"; }', 'crp:column-group "state";'),
    says: ['"stat"', 'Did you mean "state"?'],
  },
  {
    code: 'unknown-path',
    text: moduleText(`list a { key id; crp:entity "a"; leaf id { type int32; }
      list b { key n; leaf n { type int32; }
        crp:entity "b" { crp:on-orphan "keep"; crp:sql-table "«b" { crp:sql-column "x=y"; } } } }`),
    says: ['there is no leaf "x"'],
  },
  {
    code: 'duplicate-crp-name',
    text: entity('leaf a { type int32; }', 'crp:column-group "g"; crp:column-group "«g";'),
    says: ['column group', 'already defined'],
  },
  {
    code: 'duplicate-crp-name',
    text: moduleText(`list a { key id; crp:entity "x"; leaf id { type int32; } }
      list b { key id; crp:entity "«x"; leaf id { type int32; } }`),
    says: ['entity "x" is already defined'],
  },
  {
    code: 'unavailable',
    text: entity('', 'crp:ownership "«parent";'),
    says: ['"crp:ownership parent" is not available', '"none"'],
  },
  {
    code: 'unavailable',
    text: entity('leaf a { type int32; }', 'crp:on-unique-clash "«park";'),
    says: ['on-unique-clash "park" for the key', '"earliest"'],
  },
  {
    code: 'unknown-target',
    text: moduleText(
      `list a { key id; crp:entity "a"; leaf id { type int32; } }
       crp:annotate "«/t:a/t:nothing" { crp:secret; }`,
    ),
    says: ['there is no node "/t:a/t:nothing"'],
  },
  {
    code: 'no-service',
    text: `«${moduleText('list a { key id; crp:entity "a"; leaf id { type int32; } }', '')}`,
    says: ['has data but no "crp:service"', 'crp:service "test-model"'],
  },
  { code: 'no-entity', text: `«${moduleText('')}`, says: ['has no entity'] },
  { code: 'no-model', text: `«${moduleText('', '')}`, says: ['none of the modules'] },
  {
    code: 'old-yang',
    text: `«${entity('').replace('yang-version 1.1;', '')}`,
    says: ['not written in YANG 1.1'],
  },
  {
    code: 'no-revision',
    text: `«${entity('').replace('revision 2026-11-24;', '')}`,
    says: ['has no revision'],
  },
  {
    code: 'outside-entity',
    text: moduleText('container c { «leaf a { type int32; } }'),
    says: ['leaf "a" is not part of any entity'],
  },
  {
    code: 'outside-entity',
    text: moduleText('«list a { key id; leaf id { type int32; } }'),
    says: ['list "a"', 'crp:entity'],
  },
  {
    code: 'inner-list',
    text: entity('«list b { key n; leaf n { type int32; } }'),
    says: ['inside entity "thing" is not an entity itself'],
  },
  {
    code: 'no-key',
    text: moduleText('«list a { config false; crp:entity "a"; leaf id { type int32; } }'),
    says: ['entity "a" has no key'],
  },
  {
    code: 'state-in-entity',
    text: entity('«leaf a { config false; type int32; }'),
    says: ['state data'],
  },
  {
    code: 'ordered-by-user',
    text: entity('«leaf-list a { ordered-by user; type int32; }'),
    says: ['order cannot be merged'],
  },
  {
    code: 'ordered-by-user',
    text: moduleText(
      'list a { key id; ordered-by «user; crp:entity "a"; leaf id { type int32; } }',
    ),
    says: ['a leaf to sort by'],
  },
  { code: 'node-kind', text: entity('«anyxml a;'), says: ['anyxml "a" has no column type'] },
  {
    code: 'pattern-not-portable',
    text: entity(`leaf a { type string { pattern '«a{300}'; } }`),
    says: ['a{300}', 'above 255'],
  },
  {
    code: 'name-clash',
    text: entity('leaf a-b { type int32; } container a { «leaf b { type int32; } }'),
    says: ['would both be column "a_b"', 'crp:sql-column'],
  },
  {
    code: 'name-clash',
    text: moduleText(`list a { key id; crp:entity "x-y"; leaf id { type int32; } }
      list b { key id; crp:entity "«x.y"; leaf id { type int32; } }`),
    says: ['would both be table "test.x_y"'],
  },
  { code: 'reserved-name', text: entity('«leaf _crp_a { type int32; }'), says: ['"_crp_"'] },
  {
    code: 'must-not-in-row',
    text: entity(`leaf a { type int32; must "count(../../«t:thing) < 5"; }`),
    says: ['cannot be checked in one row', 'other rows of the entity'],
  },
  {
    code: 'reference-shape',
    text: entity('leaf b { type int32; } leaf a { type leafref { path "«../../thing/b"; } }'),
    says: ['b is not part of the key', 'require-instance false'],
  },
  {
    code: 'no-identities',
    text: moduleText(`identity kind; list a { key id; crp:entity "a"; leaf id { type int32; }
      leaf k { «type identityref { base kind; } } }`),
    says: ['no identity is derived from "kind"'],
  },
  {
    code: 'empty-group',
    text: entity('leaf a { type int32; }', 'crp:column-group "«g";'),
    says: ['has no columns'],
  },
  {
    code: 'deviation',
    text: moduleText(`list a { key id; crp:entity "a"; leaf id { type int32; } leaf x { type int32; } }
      «deviation "/t:a/t:x" { deviate not-supported; }`),
    says: ['has deviations'],
  },
  {
    code: 'unique-column',
    text: moduleText(`list a { key id; crp:entity "a"; leaf id { type int32; }
      unique "«s" { crp:on-unique-clash "park"; } leaf s { config false; type int32; } }`),
    says: ['"s" is not a column'],
  },
  {
    code: 'key-type',
    text: moduleText(`list a { key id; crp:entity "a";
      «leaf id { type int64; crp:sql-column "id" { crp:sql-type "numeric"; } } }`),
    says: ['"id" is of type numeric', 'equal values can differ', 'numeric(p,s)'],
  },
  {
    code: 'method-type',
    text: entity(
      'leaf a { type int64; default 0; crp:sql-column "a" { crp:sql-type "numeric"; } crp:resolve "«crp:additive"; }',
    ),
    says: ['column "a" of type numeric', 'numeric(p,s)'],
  },
  {
    code: 'method-type',
    text: entity('leaf a { type string; crp:resolve "«crp:additive"; }'),
    says: ['"additive" does not fit column "a" of type string'],
  },
  {
    code: 'additive-null',
    text: entity('«leaf a { type int64; crp:resolve "crp:additive"; }'),
    says: ['may be absent', 'default'],
  },
  {
    code: 'additive-bound',
    text: entity(
      '«leaf a { type int64 { range "0..max"; } default 0; crp:resolve "crp:additive"; }',
    ),
    says: ['"0..max"', 'Site A and site B', 'crp:escrow'],
  },
  {
    code: 'additive-unsigned',
    text: entity('«leaf a { type uint32; default 0; crp:resolve "crp:additive"; }'),
    says: ['must never be decreased'],
  },
  {
    code: 'check-across-groups',
    text: entity(
      `leaf a { type int32; crp:in-group "g"; } leaf b { type int32; «must ". > ../a"; }`,
      'crp:column-group "g";',
    ),
    says: ['groups "row" and "g"', 'Site A changes'],
  },
  {
    code: 'unique-clash',
    text: moduleText(`list a { key id; crp:entity "a"; leaf id { type int32; }
      «unique "s"; leaf s { type int32; } }`),
    says: ['merging can break the uniqueness of "s"', 'park'],
  },
  {
    code: 'orphan',
    text: entity('«leaf a { type leafref { path "../../thing/id"; } }'),
    says: ['without its "thing"', 'crp:on-orphan "keep"'],
  },
  {
    code: 'entry-count',
    text: moduleText('list a { key id; max-elements «5; crp:entity "a"; leaf id { type int32; } }'),
    says: ['max-elements 5', 'Site A and site B'],
  },
  {
    code: 'entry-count',
    text: entity('leaf-list a { type int32; min-elements «1; crp:resolve "crp:add-wins"; }'),
    says: ['min-elements 1', 'remove another one of the last values', 'merge as one value'],
  },
  {
    code: 'entry-count',
    text: entity('leaf-list a { type int32; max-elements «9; crp:resolve "crp:remove-wins"; }'),
    says: ['max-elements 9', 'add the last value'],
  },
  {
    code: 'set-group',
    text: entity(
      'leaf-list a { type int32; crp:in-group "g"; } leaf-list b { type int32; crp:in-group "g"; }',
      'crp:column-group "g" { crp:resolve "«crp:add-wins"; }',
    ),
    says: ['one leaf-list, and group "g" has "a", "b"', 'in each leaf-list itself'],
  },
  {
    code: 'set-group',
    text: moduleText(`list a { key id; crp:entity "a" { crp:resolve "«crp:add-wins"; }
      leaf id { type int32; } }`),
    says: ['group "row" has no column'],
  },
  {
    code: 'method-type',
    text: entity('leaf a { type int32; crp:resolve "«crp:add-wins"; }'),
    says: ['"add-wins" does not fit column "a" of type int32'],
  },
  {
    code: 'set-check',
    text: entity(
      `container c { «must "count(a) < 3";
        leaf-list a { type int32; crp:resolve "crp:add-wins"; } }`,
    ),
    says: ['"count(a) < 3"', 'merge one by one', 'merge as one value'],
  },
];

testDiagnostics(CASES);

test('a statement named like a property of every object is an unknown one', () => {
  for (const name of ['constructor', '__proto__', 'toString']) {
    const { diagnostics } = compileTexts(entity(`leaf a { type int8; crp:${name} "x"; }`));
    assert.ok(
      diagnostics.some(({ code }) => code === 'unknown-extension'),
      name,
    );
  }
});

test('every diagnostic of the model compiler has a test', () => {
  const tested = new Set<string>(CASES.map(({ code }) => code));
  assert.deepEqual(
    Object.keys(MODEL_CODES).filter((code) => !tested.has(code)),
    [],
  );
});

test('codes are different', () => {
  const codes = Object.values(MODEL_CODES).map((kind) => kind.code);
  assert.equal(new Set(codes).size, codes.length);
});
