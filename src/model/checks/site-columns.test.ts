import { entity, testDiagnostics } from '../../../test/support/diagnostics.ts';
import type { Case } from '../../../test/support/diagnostics.ts';
import { moduleText } from '../../../test/support/model-text.ts';

const CASES: Case[] = [
  {
    code: 'crp-does-not-fit',
    text: entity('leaf a { type int32; mandatory true; «crp:site-local; }'),
    says: ['rows of other sites come without it'],
  },
  {
    code: 'crp-does-not-fit',
    text: entity('container c { «crp:site-local; leaf a { type int32; mandatory true; } }'),
    says: ['"crp:site-local" does not fit', 'give it a default'],
  },
  {
    code: 'crp-does-not-fit',
    text: entity('leaf a { type int32; crp:site-local; crp:resolve "«crp:additive"; }'),
    says: ['"crp:resolve" does not fit', 'never merged'],
  },
  {
    code: 'crp-does-not-fit',
    text: moduleText(`list a { key id; crp:entity "a";
      leaf id { type string; «crp:secret; } }`),
    says: ['"crp:secret" does not fit', 'what sites know a row by'],
  },
  {
    code: 'crp-does-not-fit',
    text: moduleText(`list a { key id; crp:entity "a"; leaf id { type int32; }
      unique s { crp:on-unique-clash "park"; } leaf s { type int32; «crp:site-local; } }`),
    says: ['"unique" could be broken'],
  },
  {
    code: 'crp-does-not-fit',
    text: entity(
      'leaf a { type leafref { path "../../thing/id"; } crp:on-orphan "keep"; «crp:site-local; }',
    ),
    says: ['require-instance false'],
  },
  {
    code: 'crp-does-not-fit',
    text: entity(`leaf a { type int32; crp:derived "id + 1"; }
      leaf b { type int32; crp:derived "«a * 2"; }`),
    says: ['"a" in it is derived itself'],
  },
  {
    code: 'crp-does-not-fit',
    text: entity('', 'crp:site-local; crp:ownership "«site";'),
    says: ['the entity is crp:site-local'],
  },
  {
    code: 'check-across-groups',
    text: entity('leaf a { type int32; crp:site-local; } leaf b { type int32; «must ". > ../a"; }'),
    says: ['site-local "a" and "b"', 'Rows of other sites come without a'],
  },
  {
    code: 'reference-shape',
    text: entity(`list part { key n; crp:entity "part" { crp:site-local; crp:on-orphan "keep"; }
        leaf n { type int32; } }
      leaf a { type leafref { path "«../part/n"; } crp:on-orphan "keep"; }`),
    says: ['the rows of "part" are at one site only'],
  },
];

testDiagnostics(CASES);
