import assert from 'node:assert/strict';
import { test } from 'node:test';
import { methodsModel } from '../../../test/support/methods-model.ts';
import { compileTexts, moduleText } from '../../../test/support/model-text.ts';

const entity = (body: string, head = ''): string =>
  moduleText(`list a { key id; crp:entity "a" { ${head} } leaf id { type int32; } ${body} }`);

const REFUSED: [title: string, text: string, message: string][] = [
  [
    'serial numbers have 32 bits without sign',
    entity('leaf a { type int32; crp:resolve "crp:serial-maximum"; }'),
    'method "serial-maximum" does not fit column "a" of type int32',
  ],
  [
    'a maximum needs values with an order',
    entity('leaf a { type inet:ip-prefix; crp:resolve "crp:maximum"; }'),
    'method "maximum" does not fit column "a" of type union',
  ],
  [
    'an order names every value',
    entity(`leaf a { type enumeration { enum x; enum y; }
      crp:resolve "crp:priority-group" { crp:order "y z"; } }`),
    '"crp:order" does not fit: "crp:order" has to name each of x, y once, the lowest first',
  ],
  [
    'an order is needed',
    entity('leaf a { type enumeration { enum x; } crp:resolve "crp:priority-group"; }'),
    '"crp:resolve" does not fit: "crp:order" has to name each of x once, the lowest first',
  ],
  [
    'an order is of one enumeration',
    entity('leaf a { type string; crp:resolve "crp:priority-group"; }'),
    '"crp:resolve" does not fit: "crp:priority-group" is for a group of one enumeration',
  ],
  [
    'the order of assigned values is of one enumeration',
    entity(
      `leaf a { type enumeration { enum x; } crp:in-group "g"; }
       leaf b { type int32; crp:in-group "g"; }`,
      'crp:column-group "g" { crp:resolve "crp:maximum"; }',
    ),
    '"crp:resolve" does not fit: an enumeration must be a group of its own',
  ],
  [
    'numbers have their own order',
    entity('leaf a { type int32; crp:resolve "crp:maximum" { crp:order "1 2"; } }'),
    '"crp:order" does not fit: only "crp:priority-group" has an order',
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

test('the IR has the order of values, given or assigned', () => {
  const groups = methodsModel().entities[0]!.groups.filter(({ order }) => order !== undefined);
  assert.deepEqual(
    groups.map(({ name, method, order }) => [name, method, order]),
    [
      ['state', 'priority-group', ['offered', 'active', 'stopped']],
      ['level', 'maximum', ['low', 'high']],
    ],
  );
});
