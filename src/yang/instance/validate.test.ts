import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { compileModules } from '../compile/compile.ts';
import type { InstanceContent } from './session.ts';
import { validateInstance } from './validate.ts';

const MODULE = `module m { yang-version 1.1; namespace "urn:m"; prefix m;
  container c {
    leaf n { type int8; default 4; }
    leaf big { type uint64; }
    leaf ref { type leafref { path "../l/k"; } }
    leaf w { when "../n > 4"; type string; }
    leaf s { type string { pattern "a+" { error-message "only a"; } } }
    list l {
      key k; unique u; max-elements 3;
      leaf k { type string; } leaf u { type int8; }
    }
    leaf-list ll { type int8; }
    list few { key k; min-elements 1; leaf k { type string; } when "../n = 100"; }
    choice ch { case one { leaf o1 { type int8; } } leaf two { type int8; } }
    leaf m { type int8; must ". > 1" { error-message "must be more"; } }
    container p { presence "x"; leaf x { type int8; mandatory true; } }
    container q { presence "x"; choice z { mandatory true; leaf z1 { type int8; } } }
    container r { presence "x"; leaf-list y { type int8; min-elements 2; } }
    leaf st { config false; type int8; }
  }
  rpc go { input { leaf a { type int8; mandatory true; } } output { leaf b { type int8; default 2; } } }
  notification beep { leaf c { type int8; must "../d"; } leaf d { type int8; } }
}`;

const { context, diagnostics } = compileModules({
  sources: [{ name: 'm.yang', text: MODULE }],
  find: () => undefined,
});

function check(text: string, content: InstanceContent = 'config'): string[] {
  const { diagnostics: found } = validateInstance({ name: 'd', text }, { context, content });
  return found.map(({ code, span }) => `${code} ${span.start.line}:${span.start.column}`);
}

test('the model of these tests is right', () => assert.deepEqual(diagnostics, []));

const WRONG: readonly (readonly [code: string, document: string])[] = [
  ['json-syntax 1:9', '{"m:c": }'],
  ['json-type 1:8', '{"m:c":5}'],
  ['json-type 1:13', '{"m:c":{"l":5}}'],
  ['unknown-member 1:9', '{"m:c":{"nope":5}}'],
  ['unqualified-member 1:2', '{"c":{}}'],
  ['unknown-annotation 1:14', '{"m:c":{"@":{"x:y":1}}}'],
  ['invalid-value 1:13', '{"m:c":{"n":300}}'],
  ['invalid-value 1:15', '{"m:c":{"big":5}}'],
  ['missing-key 1:14', '{"m:c":{"l":[{"u":1}]}}'],
  ['duplicate-entry 1:24', '{"m:c":{"l":[{"k":"a"},{"k":"a"}]}}'],
  ['duplicate-entry 1:17', '{"m:c":{"ll":[1,1]}}'],
  ['missing-node 1:9', '{"m:c":{"p":{}}}'],
  ['missing-choice 1:9', '{"m:c":{"q":{}}}'],
  ['two-cases 1:16', '{"m:c":{"o1":1,"two":2}}'],
  ['too-few-elements 1:9', '{"m:c":{"r":{"y":[1]}}}'],
  ['too-many-elements 1:2', '{"m:c":{"l":[{"k":"1"},{"k":"2"},{"k":"3"},{"k":"4"}]}}'],
  ['not-unique 1:30', '{"m:c":{"l":[{"k":"1","u":1},{"k":"2","u":1}]}}'],
  ['must-violation 1:9', '{"m:c":{"m":1}}'],
  ['when-violation 1:9', '{"m:c":{"w":"x"}}'],
  ['instance-required 1:9', '{"m:c":{"ref":"x"}}'],
  ['state-data 1:9', '{"m:c":{"st":1}}'],
];

describe('each mistake in a document is said once, where it is', () => {
  for (const [expected, document] of WRONG) {
    test(expected, () => assert.deepEqual(check(document), [expected]));
  }
});

describe('documents that are right', () => {
  const right = [
    '{}',
    '{"m:c":{}}',
    '{"m:c":{"n":5,"w":"x"}}',
    '{"m:c":{"ref":"k","l":[{"k":"k"}]}}',
  ];
  for (const document of right) test(document, () => assert.deepEqual(check(document), []));
});

test('a pattern says what its author wrote', () => {
  const document = { name: 'd', text: '{"m:c":{"s":"b"}}' };
  const [found] = validateInstance(document, { context }).diagnostics;
  assert.equal(found!.message, '/m:c/s: "b" only a');
});

test('the canonical form is in schema order, keys first, with canonical values', () => {
  const text = '{"m:c":{"ll":[2,1],"big":"007","l":[{"u":1,"k":"b"},{"k":"a"}],"n":4}}';
  const valid = validateInstance({ name: 'd', text }, { context });
  assert.equal(
    JSON.stringify(valid.toJson()),
    '{"m:c":{"n":4,"big":"7","l":[{"k":"b","u":1},{"k":"a"}],"ll":[2,1]}}',
  );
  assert.equal(
    JSON.stringify(valid.toJson({ order: 'sorted' })),
    '{"m:c":{"n":4,"big":"7","l":[{"k":"a"},{"k":"b","u":1}],"ll":[1,2]}}',
  );
});

test('defaults are printed on demand', () => {
  const valid = validateInstance({ name: 'd', text: '{"m:c":{}}' }, { context });
  assert.deepEqual(valid.toJson(), {});
  assert.deepEqual(valid.toJson({ defaults: true }), { 'm:c': { n: 4 } });
});

test('operations and notifications are checked by their own parts', () => {
  assert.deepEqual(check('{"m:go":{"a":1}}', 'rpc'), []);
  assert.deepEqual(check('{"m:go":{}}', 'rpc'), ['missing-node 1:2']);
  assert.deepEqual(check('{"m:go":{"b":1}}', 'reply'), []);
  assert.deepEqual(check('{"m:go":{"a":1}}', 'reply'), ['unknown-member 1:10']);
  assert.deepEqual(check('{"m:beep":{"c":1,"d":1}}', 'notification'), []);
  assert.deepEqual(check('{"m:beep":{"c":1}}', 'notification'), ['must-violation 1:12']);
  assert.deepEqual(check('{"m:beep":{}}', 'data'), ['unknown-member 1:2']);
});
