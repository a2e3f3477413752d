import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileTexts, moduleText } from '../../test/support/model-text.ts';
import { rollingObstacles } from './compatible.ts';
import type { Model } from './ir.ts';

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
    'a wider range',
    compile('', 'leaf n { type int32 { range "0..9"; } crp:in-group "g"; }'),
    undefined,
  ],
  [
    'a column in a group that is there',
    compile('', `${N} leaf m { type int32; crp:in-group "g"; }`),
    /new column "m" is in group "g"/,
  ],
  ['a column less', compile('', 'leaf m { type int32; crp:in-group "g"; }'), /"n" is gone/],
  ['another type', compile('', 'leaf n { type string; crp:in-group "g"; }'), /"n" became text/],
  ['another method', withMethod(), /method of group "g" changed/],
];

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
