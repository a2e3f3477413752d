import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileTexts, moduleText } from '../../../test/support/model-text.ts';
import type { Entity } from '../ir/ir.ts';

function compiled(body: string): { entities: Entity[]; reasons: string[] } {
  const { models, diagnostics } = compileTexts(moduleText(body));
  const errors = diagnostics.filter(({ severity }) => severity === 'error');
  return {
    entities: models[0]?.entities ?? [],
    reasons: errors.map(({ message, hint }) => `${message}: ${hint ?? ''}`),
  };
}

const list = (rule: string, rest: string, groups = ''): string => `list a { key id;
  unique "name" { crp:on-unique-clash "${rule}"; }
  crp:entity "a" { ${groups} }
  leaf id { type int32; } ${rest} }`;
const NAME = 'leaf name { type string; }';

test('the rule of a unique is in the IR, park is not said, and what appends has its column', () => {
  const uniqueOf = (rule: string): unknown => {
    const { entities, reasons } = compiled(list(rule, NAME));
    assert.deepEqual(reasons, []);
    const { clash, append } = entities[0]!.uniques[0]!;
    return [clash, append];
  };
  assert.deepEqual(uniqueOf('park'), [undefined, undefined]);
  assert.deepEqual(uniqueOf('earliest'), ['earliest', undefined]);
  assert.deepEqual(uniqueOf('discard'), ['earliest', undefined]);
  assert.deepEqual(uniqueOf('append-site'), ['append-site', 'name']);
});

test('what cannot be derived the same everywhere is refused with what to do instead', () => {
  const parent = 'list p { key id; crp:entity "p"; leaf id { type int32; } }';
  const of = (more = ''): string =>
    `leaf of { type leafref { path "../../p/id"; } crp:on-orphan "set-null"; ${more} }`;
  const child = (...leafs: string[]): string =>
    `${parent} list c { key id; crp:entity "c"; leaf id { type int32; } ${leafs.join(' ')} }`;
  const refused: [body: string, says: RegExp][] = [
    [list('append-site', 'leaf name { type int32; }'), /none of its leafs is a string.*"earliest"/],
    [
      list('append-site', 'leaf name { type string; crp:resolve "crp:maximum"; }'),
      /none of its leafs is a string that another write may replace/,
    ],
    [
      list(
        'earliest',
        `${NAME} unique "x" { crp:on-unique-clash "latest"; } leaf x { type int8; }`,
      ),
      /another "unique" of "a" says "earliest".*the same for each/,
    ],
    [
      list(
        'append-site',
        `${NAME} unique "x" { crp:on-unique-clash "append-sequence"; } leaf x { type string; }`,
      ),
      /two rules would change column group "row".*in-group/,
    ],
    [
      list('append-site', `${NAME} leaf x { type int8; crp:resolve "crp:discard"; }`),
      /keeps history.*"park", "earliest" or "latest"/,
    ],
    [
      child(`${of()} leaf x { type int8; crp:resolve "crp:discard"; }`),
      /keeps history.*"keep" or "park"/,
    ],
    [child(of('mandatory true;')), /of must always have a value/],
    [child(of('crp:resolve "crp:minimum";')), /the method of of is not "latest-timestamp"/],
    [
      `${parent} list c { key "id of"; crp:entity "c"; leaf id { type int32; } ${of()} }`,
      /of must always have a value/,
    ],
  ];
  for (const [body, says] of refused) {
    const { reasons } = compiled(body);
    assert.ok(reasons.length === 1 && says.test(reasons[0]!), `${says}: ${reasons.join(' | ')}`);
  }
});

test('two rules in groups of their own are two', () => {
  const leafs = `leaf name { type string; crp:in-group "n"; }
    unique "x" { crp:on-unique-clash "append-sequence"; } leaf x { type string; }`;
  const { reasons } = compiled(list('append-site', leafs, 'crp:column-group "n";'));
  assert.deepEqual(reasons, []);
});

test('the rule of a reference is in the IR, and keep is not said', () => {
  const body = (rule: string): string => `list p { key id; crp:entity "p"; leaf id { type int32; }
    list c { key id; crp:entity "c" { crp:on-orphan "${rule}"; } leaf id { type int32; } } }`;
  const ruleOf = (rule: string): unknown =>
    compiled(body(rule)).entities[1]?.references[0]?.onOrphan;
  assert.deepEqual(['keep', 'delete', 'restore', 'park'].map(ruleOf), [
    ...[undefined, 'delete', 'restore', 'park'],
  ]);
  assert.match(compiled(body('set-null')).reasons[0]!, /must always have a value/);
});

test('no row is brought back that its own reference would delete again', () => {
  const body = (rule: string): string => `list p { key id; crp:entity "p"; leaf id { type int32; }
    list c { key id; crp:entity "c" { crp:on-orphan "${rule}"; } leaf id { type int32; }
      list g { key id; crp:entity "g" { crp:on-orphan "restore"; } leaf id { type int32; } } } }`;
  assert.match(compiled(body('delete')).reasons.join(), /"c" that come back .* are deleted again/);
  for (const rule of ['keep', 'restore', 'park']) {
    assert.deepEqual(compiled(body(rule)).reasons, [], rule);
  }
});

test('rules that derive nothing go with history', () => {
  const discard = 'leaf x { type int8; crp:resolve "crp:discard"; }';
  for (const rule of ['park', 'earliest', 'latest']) {
    const { reasons } = compiled(list(rule, `${NAME} ${discard}`));
    assert.deepEqual(reasons, [], rule);
  }
});
