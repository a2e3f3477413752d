import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { compileTexts, moduleText } from '../../test/support/model-text.ts';
import { ROOT } from '../../test/support/root.ts';
import type { CompileAllResult } from './compile.ts';
import { compileModels, modelHash } from './compile.ts';
import type { Entity } from './ir/ir.ts';
import { sqlName } from './ir/names.ts';
import { modelTree } from './evolution/tree.ts';

function entities(text: string, ...others: string[]): Record<string, Entity> {
  const { models, diagnostics } = compileTexts(text, ...others);
  assert.deepEqual(diagnostics, []);
  return Object.fromEntries(models[0]!.entities.map((entity) => [entity.name, entity]));
}

const groupsOf = (entity: Entity): Record<string, string[]> =>
  Object.fromEntries(entity.groups.map((group) => [group.name, group.columns]));

test('every non-key column is in exactly one group', () => {
  const { thing } = entities(
    moduleText(`list thing { key id; leaf id { type int32; }
      crp:entity "thing" { crp:column-group "g"; crp:column-group "h"; }
      leaf free { type int32; }
      leaf own { type int64; default 0; crp:resolve "crp:additive"; }
      container c { crp:in-group "g"; leaf a { type int32; }
        container d { leaf b { type int32; } }
        leaf e { type int32; crp:in-group "h"; }
        leaf f { type int32; crp:in-group "row"; } }
      choice x { crp:in-group "h"; leaf y { type int32; } }
    }`),
  );
  assert.deepEqual(groupsOf(thing!), {
    row: ['free', 'c_f'],
    g: ['c_a', 'c_d_b'],
    h: ['c_e', 'y'],
    own: ['own'],
  });
  const methods = thing!.groups.map((group) => [group.stamp, group.method]);
  assert.deepEqual(methods, [
    ['_crp_row', 'latest-timestamp'],
    ['_crp_g', 'latest-timestamp'],
    ['_crp_h', 'latest-timestamp'],
    ['_crp_own', 'additive'],
  ]);
});

test('an inner entity begins its key with that of the one around it', () => {
  const found = entities(
    moduleText(`container top { list zone { key name; crp:entity "zone"; leaf name { type string; }
      list set { key "owner type"; crp:entity "set" { crp:on-orphan "keep"; }
        leaf owner { type string; } leaf type { type string; }
        list record { key data; crp:entity "record" { crp:on-orphan "keep"; crp:on-delete "restrict"; }
          leaf data { type string; } } } } }`),
  );
  assert.deepEqual(found['set']!.key, ['zone', 'owner', 'type']);
  assert.deepEqual(found['record']!.key, ['zone', 'set_owner', 'set_type', 'data']);
  assert.deepEqual(
    found['record']!.columns.map((column) => column.path),
    ['../../name', '../owner', '../type', 'data'],
  );
  assert.deepEqual(found['record']!.references, [
    {
      name: 'record_set_fkey',
      columns: ['zone', 'set_owner', 'set_type'],
      target: { entity: 'set', columns: ['zone', 'owner', 'type'] },
      onDelete: 'restrict',
    },
  ]);
  assert.equal(found['record']!.path, '/top/zone/set/record');
  assert.equal(found['record']!.tombstone, 'test_record_tombstone');
});

test('leafrefs to keys are foreign keys, also composite ones and those of the same parent', () => {
  const found = entities(
    moduleText(`list zone { key name; crp:entity "zone"; leaf name { type string; }
      list key { key id; crp:entity "key" { crp:on-orphan "keep"; } leaf id { type int32; } }
      leaf parent { type leafref { path "/t:zone/t:name"; } crp:on-orphan "keep"; }
      leaf loose { type leafref { path "/t:zone/t:name"; require-instance false; } }
      list use { key n; crp:entity "use" { crp:on-orphan "keep"; } leaf n { type int32; }
        leaf near { type leafref { path "../../key/id"; } crp:on-orphan "keep"; }
        leaf z { type leafref { path "/t:zone/t:name"; } crp:on-orphan "keep"; }
        leaf far { type leafref { path "/t:zone[t:name = current()/../z]/t:key/t:id"; }
          crp:on-orphan "keep"; crp:on-delete "set-null"; } } }`),
  );
  const shapes = (name: string): unknown =>
    found[name]!.references.map(({ columns, target, onDelete }) => [
      ...[columns.join(), target.entity, target.columns.join(), onDelete],
    ]);
  assert.deepEqual(shapes('zone'), [['parent', 'zone', 'name', 'restrict']]);
  assert.deepEqual(shapes('use'), [
    ['zone', 'zone', 'name', 'cascade'],
    ['zone,near', 'key', 'zone,id', 'restrict'],
    ['z', 'zone', 'name', 'restrict'],
    ['z,far', 'key', 'zone,id', 'set null'],
  ]);
});

test('annotations and augments of another module belong to the model', () => {
  const base = `module base { yang-version 1.1; namespace "urn:base"; prefix b;
    import common-replication { prefix crp; } revision 2026-01-01; crp:service "base";
    container top { list thing { key id; leaf id { type int32; } leaf a { type int32; } } } }`;
  const added = `module added { yang-version 1.1; namespace "urn:added"; prefix x;
    import common-replication { prefix crp; } import base { prefix b; } revision 2026-01-01;
    crp:annotate "/b:top/b:thing" { crp:entity "thing" { crp:column-group "g"; } }
    crp:annotate "/b:top/b:thing/b:a" { crp:in-group "g"; }
    augment "/b:top/b:thing" { leaf more { type string; } } }`;
  const { thing } = entities(base, added);
  assert.deepEqual(groupsOf(thing!), { row: ['more'], g: ['a'] });
});

test('the hash is that of what is stored, not of how it is written', () => {
  const hash = (text: string): string => modelHash(compileTexts(text).models);
  const text = moduleText('list a { key id; crp:entity "a"; leaf id { type int32; } }');
  const spaced = text.replace('leaf id', '// blanks\n  description "new";   leaf id');
  const wider = text.replace('int32', 'int64');
  assert.match(hash(text), /^[0-9a-f]{64}$/);
  assert.equal(hash(spaced), hash(text));
  assert.notEqual(hash(wider), hash(text));
  const [one, two] = [compileTexts(text).models[0]!, compileTexts(wider).models[0]!];
  assert.equal(modelHash([one, two]), modelHash([two, one]));
});

test('several models among the files are compiled in one go', () => {
  const { models, diagnostics } = compileShipped('dhcp', 'dns');
  assert.deepEqual(diagnostics, []);
  assert.deepEqual(models.map((model) => model.schema).sort(), ['dhcp', 'dns']);
});

test('the tree shows tables, types and rules', () => {
  const { models } = compileShipped('dns');
  const text = modelTree(models[0]!);
  assert.match(text, /\/dns\/zone\/rrset\* \[zone owner type\] {2}→ dns\.rrset/);
  assert.match(text, /\+--rw rdata +text\[\] +data: latest-timestamp/);
  assert.match(text, /zone → zone \(name\), on delete cascade/);
});

test('errors of YANG are reported and nothing is compiled', () => {
  const { models, diagnostics } = compileTexts(moduleText('leaf a { type strin; }'));
  assert.deepEqual(models, []);
  assert.ok(diagnostics.some((diagnostic) => diagnostic.severity === 'error'));
});

test('names are at most 63 bytes and stay different', () => {
  const long = 'a'.repeat(70);
  assert.equal(sqlName('Group-One', 'x.y'), 'group_one_x_y');
  assert.equal(Buffer.byteLength(sqlName(long)), 63);
  assert.notEqual(sqlName(long), sqlName(`${long}b`));
  assert.equal(sqlName('b'.repeat(63)), 'b'.repeat(63));
});

function compileShipped(...names: ('dns' | 'dhcp')[]): CompileAllResult {
  const file = { dns: 'common-dns-zone', dhcp: 'common-dhcp-lease' };
  return compileModels({
    files: names.map((name) => join(ROOT, 'models', name, `${file[name]}.yang`)),
    searchPath: [join(ROOT, 'yang')],
  });
}
