import assert from 'node:assert/strict';
import { test } from 'node:test';
import { entity, testDiagnostics } from '../../../test/support/diagnostics.ts';
import type { Case } from '../../../test/support/diagnostics.ts';
import { moduleText } from '../../../test/support/model-text.ts';
import { modelOf } from '../../../test/support/rules-model.ts';

/** An entity with ranges, and one whose keys are claimed by them. */
const claimed = (claim: string, site = 'leaf site { type string; mandatory true; }'): string =>
  moduleText(`list pool { key name; crp:entity "pool"; leaf name { type string; }
      leaf first { type uint32; mandatory true; } leaf last { type uint32; mandatory true; }
      leaf note { type string; } ${site} }
    list lease { key id; crp:entity "lease" { ${claim} } leaf id { type uint32; } }`);

const CASES: Case[] = [
  {
    code: 'unknown-path',
    text: entity('leaf until { type yang:date-and-time; }', 'crp:expires-at "«untill";'),
    says: ['there is no leaf "untill" in entity "thing"', 'until'],
  },
  {
    code: 'crp-does-not-fit',
    text: entity('leaf until { type string; }', 'crp:expires-at "«until";'),
    says: ['until is no date-and-time'],
  },
  {
    code: 'crp-does-not-fit',
    text: entity(
      'leaf until { type yang:date-and-time; crp:site-local; }',
      'crp:expires-at "«until";',
    ),
    says: ['until is not replicated'],
  },
  {
    code: 'crp-does-not-fit',
    text: entity(
      `leaf until { type yang:date-and-time; }
       list part { key n; crp:entity "part" { crp:on-orphan "keep"; } leaf n { type int32; } }`,
      'crp:expires-at "«until";',
    ),
    says: ['"part" refers to the rows'],
  },
  {
    code: 'crp-does-not-fit',
    text: entity(
      'leaf until { type yang:date-and-time; }',
      'crp:expires-at "«until"; crp:on-delete-update "update";',
    ),
    says: ['needs the history of its rows'],
  },
  {
    code: 'crp-does-not-fit',
    text: claimed('crp:claim "«pools" { crp:key-range "first last"; crp:owner-leaf "site"; }'),
    says: ['no other entity "pools"'],
  },
  {
    code: 'crp-does-not-fit',
    text: claimed('crp:claim "pool" { crp:key-range "«first note"; crp:owner-leaf "site"; }'),
    says: ['note has to be mandatory and of the type of id'],
  },
  {
    code: 'crp-does-not-fit',
    text: claimed(
      'crp:claim "pool" { crp:key-range "first last"; crp:owner-leaf "«site"; }',
      'leaf site { type string; }',
    ),
    says: ['a mandatory leaf with the name of a site'],
  },
  {
    code: 'bad-crp-argument',
    text: claimed('crp:claim "pool" { crp:key-range "«first"; crp:owner-leaf "site"; }'),
    says: ['the paths of two leafs'],
  },
  {
    code: 'missing-crp',
    text: claimed('«crp:claim "pool" { crp:owner-leaf "site"; }'),
    says: ['has no "crp:key-range"'],
  },
  {
    code: 'crp-does-not-fit',
    text: entity('', 'crp:after-apply "«crp_conflict";'),
    says: ['those of replication'],
  },
];

testDiagnostics(CASES);

test('a grace is any duration of days, hours, minutes and seconds', () => {
  const graces: [duration: string, seconds: number][] = [
    ['PT1S', 1],
    ['PT1.5S', 1.5],
    ['P1DT2H3M4S', 93_784],
    ['P2D', 172_800],
  ];
  for (const [duration, grace] of graces) {
    const model = modelOf(`list a { key id; leaf id { type int32; }
      crp:entity "a" { crp:expires-at "until" { crp:grace "${duration}"; } }
      leaf until { type yang:date-and-time; } }`);
    assert.deepEqual(model.entities[0]!.expires, { column: 'until', grace });
  }
});
