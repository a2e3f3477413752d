import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { moduleText } from '../../test/support/model-text.ts';
import { CLASH_OF_UNIQUES, HONOURED, METHODS } from '../model/statements/engine.ts';
import { completeAt } from './completion.ts';
import { offsetOf } from './lines.ts';
import { CrpReference } from './reference.ts';
import { Workspace } from './workspace.ts';
import { ROOT } from '../../test/support/root.ts';

const YANG = join(ROOT, 'yang');
const FILE = '/nowhere/test-model.yang';
const reference = new CrpReference([YANG]);

/** What may be said of a column, of which this version has a part. */
const OF_COLUMNS = [
  ...['resolve', 'site-local', 'in-group', 'derived', 'secret', 'escrow', 'sql-column'],
];
const offered = (names: readonly string[]): string[] =>
  names.filter((name) => HONOURED[name]?.length !== 0).map((name) => `crp:${name}`);

interface Completed {
  labels: string[];
  /** The text with an item in it. */
  with(label: string): string;
}

/** Completes at `|`. */
function complete(marked: string, snippets = false): Completed {
  const offset = marked.indexOf('|');
  const text = marked.slice(0, offset) + marked.slice(offset + 1);
  const workspace = new Workspace([YANG]);
  workspace.set(FILE, text);
  const items = completeAt(FILE, text, offset, { workspace, reference, snippets });
  return {
    labels: items.map(({ label }) => label),
    with: (label) => {
      const edit = items.find((item) => item.label === label)!.textEdit!;
      assert.ok('range' in edit);
      const [start, end] = [edit.range.start, edit.range.end].map(({ line, character }) =>
        offsetOf(text, { line: line + 1, column: character + 1 }),
      );
      return text.slice(0, start) + edit.newText + text.slice(end);
    },
  };
}

const entity = (body: string, statements = ''): string =>
  moduleText(`  list thing { key "id";
    crp:entity "thing" { crp:column-group "state"; ${statements} }
    leaf id { type int32; }
    leaf owner { type string; mandatory true; }
    container soa { leaf serial { type uint32; } }
    ${body}
  }`);

test('statements are offered where they may stand, and once', () => {
  const { labels } = complete(entity('leaf a { type int32; | }'));
  assert.deepEqual(labels, ['crp:', ...offered(OF_COLUMNS)]);
  const once = complete(entity('leaf a { type int32; crp:in-group "state"; crp:| }')).labels;
  const others = offered(OF_COLUMNS).filter((label) => label !== 'crp:in-group');
  assert.deepEqual(once, others);
  const behind = complete(entity('leaf a { crp:| type int32; crp:in-group "state"; }')).labels;
  assert.deepEqual(behind, others);
  const many = complete(entity('', '|')).labels;
  assert.ok(many.includes('crp:column-group') && !many.includes('crp:in-group'));
});

test('what would say nothing is not offered', () => {
  const labels = (body: string, statements = ''): string[] =>
    complete(entity(body, statements)).labels;
  const ofReference = labels('leaf r { type leafref { path "../id"; } crp:o| }');
  for (const name of ['crp:on-delete', 'crp:on-orphan']) {
    assert.ok(ofReference.includes(name) && !labels('leaf r { type int8; | }').includes(name));
  }
  assert.deepEqual(labels('', 'crp:ownership "site" { crp:| }'), []);
  assert.deepEqual(labels('', 'crp:ownership "row" { crp:| }'), ['crp:owner-leaf']);
  const inMethod = (method: string): string[] =>
    labels(`leaf n { type int8; crp:resolve "crp:${method}" { crp:| } }`);
  assert.deepEqual(inMethod('site-priority'), ['crp:otherwise', 'crp:sites']);
  assert.deepEqual(inMethod('sql-function'), ['crp:otherwise', 'crp:function']);
  assert.deepEqual(inMethod('discard'), []);
  assert.ok(!labels('', 'crp:sql-table "t" { crp:| }').includes('crp:fire-always'));
  const adopted = labels('', 'crp:sql-table "t" { crp:adopt "table"; crp:| }');
  assert.ok(adopted.includes('crp:fire-always'));
  assert.ok(!labels('', '|').includes('crp:on-orphan'));
  const inner = 'list part { key "n"; crp:entity "part" { crp:| } leaf n { type int8; } }';
  assert.ok(labels(inner).includes('crp:on-orphan'));
});

test('a keyword replaces what is typed of it, with its argument if the client has snippets', () => {
  const text = entity('leaf a { type int32; crp:in| }');
  assert.match(complete(text).with('crp:in-group'), /type int32; crp:in-group }/);
  assert.match(complete(text, true).with('crp:in-group'), /int32; crp:in-group "\$1"; }/);
  const rest = entity('leaf a { type int32; crp:i|n "state"; }');
  assert.match(complete(rest, true).with('crp:in-group'), /int32; crp:in-group "state"; }/);
  const choice = complete(entity('leaf a { type leafref { path "../id"; } crp:| }'), true);
  assert.match(choice.with('crp:on-orphan'), /crp:on-orphan "\$\{1\|keep[a-z,-]*\|\}";/);
});

test('arguments are completed with what they may be', () => {
  const labels = (body: string, statements = ''): string[] =>
    complete(entity(body, statements)).labels;
  assert.deepEqual(labels('leaf a { type int32; crp:in-group "|"; }'), ['state', 'row']);
  assert.deepEqual(labels('container c { crp:in-group | leaf a { type int32; } }'), [
    'state',
    'row',
  ]);
  assert.deepEqual(
    labels('leaf a { type int32; crp:resolve "|"; }'),
    Object.keys(METHODS).flatMap((name) => (METHODS[name]!.available ? `crp:${name}` : [])),
  );
  assert.deepEqual(labels('leaf a { type leafref { path "../id"; } crp:on-delete "|" }'), [
    'restrict',
    'cascade',
    'set-null',
  ]);
  assert.deepEqual(labels('', 'crp:ownership "row" { crp:owner-leaf "|"; }'), ['owner']);
  assert.deepEqual(labels('unique "owner" { crp:on-unique-clash "|"; }'), CLASH_OF_UNIQUES);
});

test('an order grows by the values of the enumeration that are not in it', () => {
  const leaf = (order: string): string =>
    entity(`leaf a { type enumeration { enum up; enum down; enum gone; }
      crp:resolve "crp:priority-group" { crp:order ${order} } }`);
  assert.deepEqual(complete(leaf('"|"')).labels, ['up', 'down', 'gone']);
  const next = complete(leaf('"down g|"'));
  assert.deepEqual(next.labels, ['up', 'gone']);
  assert.match(next.with('gone'), /crp:order "down gone"/);
});

test('groups are those of the entities that use a grouping', () => {
  const text = moduleText(`  grouping g { leaf a { type int32; crp:in-group "|"; } }
  list thing { key "id"; crp:entity "thing" { crp:column-group "state"; }
    leaf id { type int32; } uses g; }`);
  assert.deepEqual(complete(text).labels, ['state', 'row']);
});

test('an argument is quoted and closed as it needs', () => {
  const after = (argument: string): string =>
    complete(entity(`leaf a { type int32; crp:in-group ${argument} }`)).with('state');
  assert.match(after('st|;'), /crp:in-group "state"; }/);
  assert.match(after('"st|";'), /crp:in-group "state"; }/);
  assert.match(after("'st|\n"), /crp:in-group 'state'\n/);
});

test('paths of annotations grow step by step, and only fitting statements are offered', () => {
  const inner = 'leaf a { type int32; }';
  const at = (path: string): string => `${entity(inner).slice(0, -2)} crp:annotate ${path} }`;
  assert.deepEqual(complete(at('"|"')).labels, ['/t:thing']);
  const steps = complete(at('"/t:thing/|"'));
  assert.deepEqual(steps.labels, ['t:id', 't:owner', 't:soa', 't:a']);
  assert.match(steps.with('t:soa'), /crp:annotate "\/t:thing\/t:soa"/);
  const fitting = complete(at('"/t:thing/t:a" { crp:| }')).labels;
  assert.ok(fitting.includes('crp:in-group') && !fitting.includes('crp:entity'));
  assert.deepEqual(complete(at('"/t:thing/t:a" { crp:in-group "|"; }')).labels, ['state', 'row']);
});

test('prefixes are those of the file and of the imported module', () => {
  const other = entity('leaf a { type int32; rep:| }').replace('prefix crp;', 'prefix rep;');
  assert.ok(complete(other.replaceAll('crp:', 'rep:')).labels.includes('rep:in-group'));
  const start = 'module a { yang-version 1.1; namespace "urn:a"; prefix a; ';
  assert.deepEqual(complete(`${start} |`).labels, ['import common-replication']);
  assert.deepEqual(complete(`${start} import |`).labels, ['common-replication']);
  const prefix = complete(`${start} import ietf-inet-types { prefix | } }`);
  assert.deepEqual(prefix.labels, ['inet']);
  assert.match(prefix.with('inet'), /prefix inet }/);
});

test('nothing is offered where other servers are at home', () => {
  for (const body of ['leaf a { type | }', 'leaf a { description "crp:|"; }', 'leaf | { }']) {
    assert.deepEqual(complete(entity(body)).labels, [], body);
  }
});
