import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { MergePolicy } from '../merge/types.ts';
import { classify } from './classify.ts';
import type { SiteState } from './state.ts';

const POLICY: MergePolicy = {
  groups: [
    { name: 'name', method: 'latest-timestamp', columns: [0] },
    { name: 'count', method: 'additive', columns: [1] },
  ],
};

/** `time.site`, as a stamp. */
function stamp(text: string): bigint {
  const [time, site] = text.split('.');
  return (BigInt(time!) << 11n) | BigInt(site!);
}

/**
 * A site in one line: `birth name=stamp/value count=stamp/value`, then `dead birth stamp`; `-` for no row.
 */
function site(number: number, text: string): SiteState {
  const state: SiteState = { site: number };
  const [row, dead] = text.split(' dead ');
  const [birth, ...groups] = row!.split(' ');
  if (row !== '-') {
    const parts = groups.map((group) => group.split('=')[1]!.split('/'));
    state.row = {
      birth: stamp(birth!),
      stamps: parts.map(([at]) => stamp(at!)),
      hashes: parts.map(([, value]) => value!),
      ...{ bytes: 1, values: [] },
    };
  }
  if (dead !== undefined) {
    const [at, last] = dead.split(' ');
    state.tombstone = { birth: stamp(at!), stamp: stamp(last!) };
  }
  return state;
}

const CASES: [name: string, sites: string[], drift: string][] = [
  [
    'equal rows are equal whatever the tombstones are',
    ['5.1 name=5.1/x count=5.1/0 dead 3.1 4.1', '5.1 name=5.1/x count=5.1/0'],
    'equal',
  ],
  ['no row at both sites is equal', ['- dead 3.1 4.1', '-'], 'equal'],
  [
    'a row that one site lacks, and nobody deleted, is missing there',
    ['5.1 name=5.1/x count=5.1/0', '- dead 3.1 4.1'],
    'missing: 2 insert',
  ],
  [
    'a row of an incarnation that another site deleted is resurrected',
    ['5.1 name=9.1/x count=5.1/0', '- dead 5.1 6.2'],
    'resurrected: 1 delete',
  ],
  [
    'a row that its own site has deleted is resurrected',
    ['5.1 name=9.1/x count=5.1/0 dead 5.1 6.2', '-'],
    'resurrected: 1 delete',
  ],
  [
    'a dead row where another site has a later incarnation becomes that',
    ['5.1 name=5.1/x count=5.1/0', '7.2 name=7.2/y count=7.2/0 dead 5.1 6.2'],
    'resurrected: 1 update name<2(incarnation) count<2(incarnation)',
  ],
  [
    'the greater stamp wins, group by group',
    ['5.1 name=8.1/x count=5.1/0', '5.1 name=5.1/w count=9.2/4'],
    'different: 1 update count<2(stamp), 2 update name<1(stamp)',
  ],
  [
    'of two incarnations the later is the row',
    ['5.1 name=9.1/x count=5.1/0', '6.2 name=6.2/y count=6.2/0'],
    'different: 1 update name<2(incarnation) count<2(incarnation)',
  ],
  [
    'same stamp, other value: the site that made the stamp knows',
    ['5.1 name=8.2/x count=5.1/0', '5.1 name=8.2/a count=5.1/0'],
    'altered: 1 update name<2(author)',
  ],
  [
    'same stamp of a third site, or of none: the greater hash, for want of better',
    ['5.1 name=0.0/b count=5.3/b', '5.1 name=0.0/a count=5.3/c'],
    'altered: 1 update count<2(md5), 2 update name<1(md5)',
  ],
  [
    'what most sites have is what was replicated, even against the author',
    ['5.1 name=8.1/odd count=5.1/0', '5.1 name=8.1/a count=5.1/0', '5.1 name=8.1/a count=5.1/0'],
    'altered: 1 update name<2(majority)',
  ],
];

for (const [name, texts, expected] of CASES) {
  test(name, () => {
    const states = texts.map((text, index) => site(index + 1, text));
    for (const order of [states, states.toReversed()]) {
      const drift = classify(POLICY, order);
      const mendings = drift?.mendings.map((mending) =>
        [
          ...[mending.site, mending.do],
          ...mending.groups.map((group) => `${group.name}<${group.from}(${group.why})`),
        ].join(' '),
      );
      const text = drift === undefined ? 'equal' : `${drift.kind}: ${mendings!.join(', ')}`;
      assert.equal(text, expected);
    }
  });
}
