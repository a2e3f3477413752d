import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileTexts, moduleText } from '../../../test/support/model-text.ts';
import { compareRevisions } from '../evolution/evolution.ts';
import type { Model } from '../ir/ir.ts';

/** An entity with a leaf `a`: its type and its other substatements. */
const leaf = (type: string, rest = '', name = 'thing'): string =>
  moduleText(`list thing { key id; crp:entity "${name}";
    leaf id { type int32; }
    leaf a { type ${type} ${rest} }
  }`);
const lower = (bound = '0', rest = ''): string =>
  `crp:escrow "lower" { crp:bound "${bound}"; ${rest} }`;

/** [module, code, part of message, expectation or hint]. */
const REFUSED: [text: string, code: string, says: string][] = [
  [leaf('string;', lower()), 'CRP105', 'integer or decimal64'],
  [leaf('int32 { range "0..max"; }', lower()), 'CRP105', 'not the range'],
  [leaf('int32;', `must ". != 3"; ${lower()}`), 'CRP105', 'not a'],
  [leaf('int32;', `mandatory true; ${lower()}`), 'CRP105', 'out'],
  [leaf('int32;', `default "5"; ${lower()}`), 'CRP105', 'begins at the bound 0'],
  [leaf('int32;', `crp:in-group "row"; ${lower()}`), 'CRP105', 'has no column'],
  [leaf('uint8;', lower('-1')), 'CRP104', 'a value of type uint8'],
  [leaf('int32;', lower('../id')), 'CRP104', 'The bound is a number'],
  [leaf('int32;', 'crp:escrow "upper" { crp:bound "9"; }'), 'CRP111', 'crp:escrow upper'],
  [leaf('int32;', lower('0', 'crp:transfer "on-demand";')), 'CRP111', 'crp:transfer on-demand'],
  [leaf('int32;', lower('0', 'crp:split "even";')), 'CRP111', 'crp:split even'],
  [leaf('int32;', lower('0', 'crp:reservation "id";')), 'CRP111', 'crp:reservation'],
];

for (const [text, code, says] of REFUSED) {
  test(`${code} of a counter: ${says}`, () => {
    const { diagnostics, models } = compileTexts(text);
    const found = diagnostics.filter((one) => one.code === code).map((one) => JSON.stringify(one));
    assert.ok(
      found.some((one) => one.replaceAll('\\"', '"').includes(says)),
      JSON.stringify(diagnostics),
    );
    assert.deepEqual(models, []);
  });
}

function compiled(text: string): Model {
  const { models, diagnostics } = compileTexts(text);
  assert.deepEqual(diagnostics, []);
  return models[0]!;
}

test('a counter has no column but two entities, in which every row has one writer', () => {
  const model = compiled(
    leaf('decimal64 { fraction-digits 2; }', `default "-5"; ${lower('-5.00')}`),
  );
  const [thing, right, used] = model.entities;
  assert.deepEqual(
    thing!.columns.map((column) => column.name),
    ['id'],
  );
  assert.deepEqual(thing!.counters, [
    { name: 'a', path: 'a', bound: '-5.0', scale: 2, right: 'thing-a-right', used: 'thing-a-used' },
  ]);
  assert.deepEqual(right!.key, ['thing', 'incarnation', 'holder', 'grantee']);
  assert.deepEqual(used!.key, ['thing', 'incarnation', 'holder']);
  for (const part of [right!, used!]) {
    assert.equal(part.functionsOnly, true);
    assert.equal(part.columns.at(-1)!.type, 'numeric(38,2)');
    assert.deepEqual(part.references[0]!.target, { entity: 'thing', columns: ['id'] });
  }
});

test('a key that is called like a column of the counter is refused', () => {
  const { diagnostics } = compileTexts(leaf('int32;', lower(), 'holder'));
  assert.deepEqual(
    diagnostics.map((one) => one.code),
    ['CRP105'],
  );
  assert.match(diagnostics[0]!.message, /have a column "holder"/);
});

test('an entity whose table the counter needs is refused', () => {
  const { diagnostics } = compileTexts(
    moduleText(`list thing { key id; crp:entity "thing"; leaf id { type int32; }
        leaf a { type int32; ${lower()} } }
      list other { key id; crp:entity "thing-a-used"; leaf id { type int32; } }`),
  );
  assert.deepEqual(
    diagnostics.map((one) => one.code),
    ['CRP211'],
  );
});

test('a bound is never changed, and a column never becomes a counter', () => {
  const next = (text: string): string => text.replace('2026-11-24', '2026-11-25');
  const changes = (one: string, other: string): string[] => {
    const [before, after] = [one, next(other)].map((text) => compileTexts(text));
    const revision = (result: typeof before) => ({
      model: result!.models[0]!,
      context: result!.context,
    });
    return compareRevisions(revision(before), revision(after))
      .filter((difference) => !difference.allowed)
      .map((difference) => difference.what);
  };
  assert.deepEqual(changes(leaf('int32;', lower()), leaf('int32;', lower('5'))), [
    'bound of "a" became 5',
  ]);
  assert.deepEqual(changes(leaf('int32;'), leaf('int32;', lower())), [
    'column "a" became a counter with a bound',
  ]);
  assert.deepEqual(changes(leaf('int32;', lower()), leaf('int32;')), [
    'entity removed',
    'entity removed',
  ]);
});
