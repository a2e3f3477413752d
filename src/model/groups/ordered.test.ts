import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileTexts, moduleText } from '../../../test/support/model-text.ts';
import { compareRevisions } from '../evolution/evolution.ts';
import type { ColumnGroup, Model } from '../ir/ir.ts';
import { modelReference } from '../reference-page.ts';
import { modelTree } from '../evolution/tree.ts';

const entity = (body: string, head = '', revision = '2026-11-24'): string =>
  moduleText(
    `list a { key id; crp:entity "a" { ${head} } leaf id { type int32; } ${body} }`,
  ).replace('2026-11-24', revision);

const resolve = (method: string, more = ';'): string =>
  `leaf n { type int32; crp:resolve "crp:${method}" ${more} }`;

const REFUSED: [title: string, text: string, message: string][] = [
  [
    'a mean of texts',
    entity('leaf n { type string; crp:resolve "crp:average"; }'),
    'method "average" does not fit column "n" of type string',
  ],
  [
    'a mean of texts as the second method',
    entity(
      'leaf n { type string; crp:resolve "crp:site-priority" { crp:sites "muc"; crp:otherwise "crp:average"; } }',
    ),
    'method "average" does not fit column "n" of type string',
  ],
  [
    'a mean of floats',
    entity(
      'leaf n { type int32; crp:sql-column "n" { crp:sql-type "real"; } crp:resolve "crp:average"; }',
      'crp:sql-table "s.a" { crp:adopt "table"; }',
    ),
    '"crp:resolve" does not fit: the mean of n of type real is not exact; take numeric',
  ],
  ['priority of no sites', entity(resolve('site-priority')), '"crp:resolve" has no "crp:sites"'],
  [
    'a site that is named twice',
    entity(resolve('site-priority', '{ crp:sites "muc ber muc"; }')),
    '"crp:sites" does not fit: "muc" is named twice',
  ],
  [
    'what is no name of a site',
    entity(resolve('site-priority', '{ crp:sites "muc Ber"; }')),
    '"muc Ber" is not a valid argument of "crp:sites"',
  ],
  [
    'sites of another method',
    entity(resolve('discard', '{ crp:sites "muc"; }')),
    '"crp:sites" does not fit: only "crp:site-priority" has it',
  ],
  ['no function', entity(resolve('sql-function')), '"crp:resolve" has no "crp:function"'],
  [
    'a function without its schema',
    entity(resolve('sql-function', '{ crp:function "best"; }')),
    '"crp:function" does not fit: its name needs the schema, "mail.better_of"',
  ],
  [
    'a function of another method',
    entity(resolve('park', '{ crp:function "s.best"; }')),
    '"crp:function" does not fit: only "crp:sql-function" has it',
  ],
  [
    'an owner that rows do not have',
    entity(resolve('owner-wins')),
    '"crp:resolve" does not fit: rows of "a" have no owner: say which by "crp:ownership"',
  ],
  [
    'a method after one that always decides',
    entity(resolve('discard', '{ crp:otherwise "crp:park"; }')),
    '"crp:otherwise" does not fit: "crp:discard" always decides',
  ],
  [
    'a method after a commutative one',
    entity(resolve('maximum', '{ crp:otherwise "crp:latest-timestamp"; }')),
    '"crp:otherwise" does not fit: "crp:maximum" always decides',
  ],
  [
    'an unknown method after one',
    entity(resolve('average', '{ crp:otherwise "crp:avrage"; }')),
    '"crp:avrage" is not a resolution method',
  ],
  [
    'a row with a counter that comes back',
    entity(
      'leaf n { type int32; crp:escrow "lower" { crp:bound "0"; } }',
      'crp:on-delete-update "update";',
    ),
    '"crp:on-delete-update" does not fit: the shares of a counter are gone with the row, and would not come back with it',
  ],
  [
    'two rows with counters that are merged',
    entity(
      'leaf n { type int32; crp:escrow "lower" { crp:bound "0"; } }',
      'crp:on-unique-clash "merge";',
    ),
    '"crp:on-unique-clash" does not fit: the shares of a counter are those of one row: two rows cannot be merged',
  ],
  [
    'lines of a log that are merged',
    entity('leaf n { type int32; }', 'crp:append-only; crp:on-unique-clash "merge";'),
    '"crp:on-unique-clash" does not fit: rows of an append-only entity are never changed, and a merged one is neither of the two',
  ],
  [
    'rows of two owners that are merged',
    entity('leaf n { type int32; }', 'crp:ownership "site"; crp:on-unique-clash "merge";'),
    '"crp:on-unique-clash" does not fit: a row that a site owns would get values of a site that does not own it',
  ],
  [
    'merging by a unique value',
    entity('unique n { crp:on-unique-clash "merge"; } leaf n { type int32; }'),
    'on-unique-clash "merge" for "unique" is not available in this version',
  ],
];

for (const [title, text, message] of REFUSED) {
  test(`refused: ${title}`, () => {
    const { models, diagnostics } = compileTexts(text);
    assert.deepEqual(models, []);
    assert.deepEqual(
      diagnostics.map((found) => found.message),
      [message],
    );
  });
}

function compiled(text: string): Model {
  const { models, diagnostics } = compileTexts(text);
  assert.deepEqual(diagnostics, []);
  return models[0]!;
}

const LISTS = entity(
  `leaf price {
     type decimal64 { fraction-digits 2; }
     crp:resolve "crp:site-priority" {
       crp:sites "muc ber";
       crp:otherwise "crp:sql-function" {
         crp:function "shop.better";
         crp:otherwise "crp:average";
       }
     }
   }
   leaf state {
     type enumeration { enum new; enum paid; }
     crp:resolve "crp:owner-wins" { crp:otherwise "crp:priority-group" { crp:order "new paid"; } }
   }
   leaf note { type string; }`,
  'crp:ownership "site"; crp:on-delete-update "park"; crp:on-unique-clash "earliest";',
);

test('a list of methods is in the IR in its order, with what each needs', () => {
  const [a] = compiled(LISTS).entities;
  assert.deepEqual(
    a!.groups.map(({ name, method, methods }) => [name, method, methods]),
    [
      ['row', 'latest-timestamp', undefined],
      [
        'price',
        'ordered',
        [
          { method: 'site-priority', sites: ['muc', 'ber'] },
          { method: 'sql-function', function: { schema: 'shop', name: 'better' } },
          { method: 'average' },
        ],
      ],
      [
        'state',
        'ordered',
        [{ method: 'owner-wins' }, { method: 'priority-group', order: ['new', 'paid'] }],
      ],
    ],
  );
  assert.equal(a!.history, 'test_a_history');
  assert.deepEqual([a!.onDeleteUpdate, a!.onKeyClash], ['park', 'earliest']);
});

test('two inserts of a key may be merged, and the page of the model says so', () => {
  const model = compiled(entity('leaf n { type int32; }', 'crp:on-unique-clash "merge";'));
  const [a] = model.entities;
  assert.equal(a!.onKeyClash, 'merge');
  assert.equal(a!.history, 'test_a_history');
  assert.match(modelReference(model), /Two inserts of one key are merged group by group\./);
  assert.match(modelTree(model), /two inserts of a key: merge/);
});

test('a function may decide about a group of several columns', () => {
  const leafs = 'leaf n { type int32; } leaf m { type int32; }';
  const [a] = compiled(
    entity(leafs, 'crp:resolve "crp:sql-function" { crp:function "s.best"; }'),
  ).entities;
  const [{ columns, methods }] = a!.groups as [ColumnGroup];
  assert.deepEqual(columns, ['n', 'm']);
  assert.deepEqual(methods, [{ method: 'sql-function', function: { schema: 's', name: 'best' } }]);
});

test('only entities with an ordered group or such a rule keep history', () => {
  const historyOf = (body: string, head = ''): unknown =>
    compiled(entity(body, head)).entities[0]!.history;
  const leaf = 'leaf n { type int32; }';
  assert.equal(historyOf(leaf), undefined);
  assert.equal(
    historyOf(leaf, 'crp:on-delete-update "delete"; crp:on-unique-clash "latest";'),
    undefined,
  );
  assert.equal(historyOf(resolve('maximum')), undefined);
  assert.equal(historyOf(leaf, 'crp:on-delete-update "latest";'), 'test_a_history');
  assert.equal(historyOf(leaf, 'crp:on-unique-clash "earliest";'), 'test_a_history');
  assert.equal(historyOf(leaf, 'crp:resolve "crp:discard";'), 'test_a_history');
});

test('a leaf-list may be a set in an entity that keeps history', () => {
  const flags = 'leaf-list flag { type string; crp:resolve "crp:add-wins"; }';
  for (const text of [
    entity(flags, 'crp:on-delete-update "update";'),
    entity(`${flags} ${resolve('average')}`),
  ]) {
    const [one] = compiled(text).entities;
    assert.equal(one!.history, 'test_a_history');
    const { method, tags } = one!.groups.find(({ name }) => name === 'flag')!;
    assert.deepEqual([method, tags], ['add-wins', '_crp_flag_tags']);
  }
});

test('the tree and the page say in which order methods decide, the class, and what it costs', () => {
  const model = compiled(LISTS);
  const tree = modelTree(model);
  for (const line of [
    /price\? +numeric\(19,2\) +price: site-priority \(muc ber\), then sql-function \(shop\.better\), then average, then park {2}\(ordered\)/,
    /note\? +text +row: latest-timestamp$/m,
    /delete and concurrent update: park/,
    /two inserts of a key: earliest/,
    /keeps history: crp\.test_a_history has every change of a row until all sites have it/,
  ]) {
    assert.match(tree, line);
  }
  const page = modelReference(model);
  assert.match(
    page,
    /the one of the site that is named first stands \(`muc`, `ber`\); where that does not decide, a function decides \(`shop\.better`\); where that does not decide, the mean of both stands\./,
  );
  assert.match(page, /survives its delete until an operator has decided\. Of two inserts/);
});

const states = (order: string): string =>
  `leaf s { type enumeration { enum new; enum paid; }
     crp:resolve "crp:priority-group" { crp:order "${order}"; } }`;

test('sites with other lists of methods or other rules change together', () => {
  const later = (text: string): string => text.replace('2026-11-24', '2026-11-25');
  const changes: [before: string, after: string, what: string][] = [
    [
      entity(resolve('site-priority', '{ crp:sites "muc ber"; }')),
      entity(resolve('site-priority', '{ crp:sites "ber muc"; }')),
      'method of group "n" became site-priority (ber muc), then park',
    ],
    [
      entity(resolve('average')),
      entity(resolve('average', '{ crp:otherwise "crp:park"; }')),
      'method of group "n" became average, then park',
    ],
    [
      entity(states('new paid')),
      entity(states('paid new')),
      'order of values of group "s" became paid new',
    ],
    [
      entity(''),
      entity('', 'crp:on-delete-update "park"; crp:on-unique-clash "earliest";'),
      'rules of deletes and keys became: delete and concurrent update: park, two inserts of a key: earliest',
    ],
    [
      entity('', 'crp:on-delete-update "park";'),
      entity(''),
      'rules of deletes and keys became: the default',
    ],
  ];
  for (const [before, after, what] of changes) {
    const [old, now] = [compileTexts(before), compileTexts(later(after))].map((result) => ({
      ...{ model: result.models[0]!, context: result.context },
    }));
    const found = compareRevisions(old!, now!);
    assert.deepEqual(
      found.map((one) => [one.what, one.allowed, one.rollout]),
      [[what, false, 'together']],
    );
  }
});
