import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileTexts, moduleText } from '../../../test/support/model-text.ts';
import { rollingObstacles } from './compatible.ts';
import type { Model } from '../ir/ir.ts';

function compile(entity: string, leafs: string, more = ''): Model {
  const { models, diagnostics } = compileTexts(
    moduleText(`list thing { key id; crp:entity "thing" { crp:column-group "g"; ${entity} }
      leaf id { type int32; } ${leafs} } ${more}`),
  );
  assert.equal(models.length, 1, JSON.stringify(diagnostics));
  return models[0]!;
}

const N = 'leaf n { type int32; crp:in-group "g"; }';
const OTHER = 'list other { key id; crp:entity "other"; leaf id { type int32; } }';
const OLD = compile('', N);

/** Later revisions and what stands in the way of taking them site by site. */
const CASES: [what: string, now: Model, expected: RegExp | undefined][] = [
  ['nothing', compile('', N), undefined],
  ['an entity more', compile('', N, OTHER), undefined],
  [
    'a column in a group of its own',
    compile('crp:column-group "h";', `${N} leaf m { type int32; crp:in-group "h"; }`),
    undefined,
  ],
  [
    'a column in a group that is there',
    compile('', `${N} leaf m { type int32; crp:in-group "g"; }`),
    /new column "m" is in group "g"/,
  ],
  ['a column less', compile('', 'leaf m { type int32; crp:in-group "g"; }'), /"n" is gone/],
  ['another type', compile('', 'leaf n { type string; crp:in-group "g"; }'), /"n" became text/],
  [
    'a column that becomes unique',
    compile('', `unique n { crp:on-unique-clash "earliest"; } ${N}`),
    /"n" became unique/,
  ],
  [
    'a new column that is unique',
    compile(
      'crp:column-group "h";',
      `unique m { crp:on-unique-clash "earliest"; } ${N} leaf m { type int32; crp:in-group "h"; }`,
    ),
    undefined,
  ],
  [
    'a new column that is unique and has a default',
    compile(
      'crp:column-group "h";',
      `unique m { crp:on-unique-clash "earliest"; } ${N} leaf m { type int32; default 1; crp:in-group "h"; }`,
    ),
    /"m" became unique/,
  ],
  ['rows that expire', expiring(), /when its rows expire changed/],
  ['another method', withMethod(), /method of group "g" changed/],
];

function expiring(): Model {
  const model = structuredClone(OLD);
  model.entities[0]!.expires = { column: 'n', grace: 0 };
  return model;
}

function withMethod(): Model {
  const model = structuredClone(OLD);
  model.entities[0]!.groups.find((group) => group.name === 'g')!.method = 'maximum';
  return model;
}

test('revisions that only add what the others can pass over are taken site by site', () => {
  for (const [what, now, expected] of CASES) {
    const obstacles = rollingObstacles(OLD, now);
    if (expected === undefined) assert.deepEqual(obstacles, [], what);
    else assert.match(obstacles.join('; '), expected, what);
  }
  assert.match(rollingObstacles(compile('', N, OTHER), OLD).join(), /"other" is gone/);
});

test('no row is deleted by sites with the one revision that those with the other bring back', () => {
  const nested = (child: string, grandchild: string): Model =>
    compile(
      '',
      `${N} list c { key cid; crp:entity "c" { crp:on-orphan "${child}"; } leaf cid { type int32; }
        list d { key did; crp:entity "d" { crp:on-orphan "${grandchild}"; } leaf did { type int32; } } }`,
    );
  const deletes = nested('delete', 'keep');
  assert.deepEqual(rollingObstacles(deletes, nested('restore', 'park')), []);
  assert.match(rollingObstacles(deletes, nested('keep', 'restore')).join(), /restores rows of "c"/);
});

test('the order in which a database keeps the members of an object does not count', () => {
  const turned = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(turned);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(
      Object.entries(value)
        .reverse()
        .map(([name, one]) => [name, turned(one)]),
    );
  };
  assert.deepEqual(rollingObstacles(turned(OLD) as Model, OLD), []);
});

test('a key of which equal values could differ may have become one of which they cannot', () => {
  const withKey = (type: string): Model => {
    const model = structuredClone(OLD);
    model.entities[0]!.columns.find(({ name }) => name === 'id')!.type = type;
    return model;
  };
  const obstacles = (from: string, to: string): string[] =>
    rollingObstacles(withKey(from), withKey(to));
  assert.deepEqual(obstacles('numeric', 'numeric(9,2)'), []);
  assert.deepEqual(obstacles('ext.citext', 'text'), []);
  assert.match(obstacles('numeric(9,2)', 'numeric')[0]!, /"id" became numeric/);
});
