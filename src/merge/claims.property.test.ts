import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { clashRules, decide } from './claims.ts';
import type { Entity, Unique } from '../model/ir/ir.ts';
import type { ClashMethod } from '../model/ir/ir-resolution.ts';
import { KEYS, POLICY, Site, SITES } from '../../test/support/clash-site.ts';
import type { Step } from '../../test/support/clash-site.ts';
import { SEED } from '../../test/support/seed.ts';

/*
 * Sites with several keys whose values have to be unique (test/support/clash-site.ts). Clocks stand nearly still, so
 * that stamps are often only one step apart or equal in time.
 */

const RUNS = Number(process.env['RUNS'] ?? 800);
const site = fc.nat({ max: SITES - 1 });
const key = fc.nat({ max: KEYS - 1 });
const write = fc.constantFrom('insert' as const, 'rename' as const, 'alias' as const);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: write, site, key, value: fc.nat({ max: 1 }) }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constantFrom('use' as const, 'delete' as const), site, key }),
  },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('deliver' as const), site, from: site }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('settle' as const), site, key }) },
);

/** Everything is delivered and settled, until nothing changes any more. */
function quiesce(sites: readonly Site[]): void {
  for (let round = 0; round < 200; round++) {
    let moved = false;
    for (const at of sites) {
      for (const from of sites) while (deliver(at, from)) moved = true;
      for (const name of [...at.waiting.keys()].sort()) moved = at.settle(name) || moved;
    }
    if (!moved) return;
  }
  throw new Error('the sites never come to rest');
}

/** Causal: what its origin had seen comes first. */
function deliver(at: Site, from: Site): boolean {
  const next = from.log[at.seen[from.number]!];
  if (at === from || next === undefined) return false;
  const early = next.known.some(
    (count, origin) => origin !== at.number && origin !== from.number && at.seen[origin]! < count,
  );
  if (early) return false;
  at.apply(next);
  at.seen[from.number]! += 1;
  return true;
}

function play(uniques: Unique[], offsets: readonly number[], steps: readonly Step[]): Site[] {
  const groups = POLICY.groups.map(({ name }) => ({ name, columns: [name] }));
  const rules = clashRules({ uniques, groups } as unknown as Entity);
  const sites = Array.from({ length: SITES }, (_, number) => new Site(number, rules));
  for (const [index, one] of steps.entries()) {
    const at = sites[one.site]!;
    if (one.do === 'deliver') deliver(at, sites[one.from]!);
    else if (one.do === 'settle') at.settle(`k${one.key}`);
    else at.write(`k${one.key}`, one, BigInt(1000 + (index >> 5) + offsets[one.site]!));
  }
  quiesce(sites);
  return sites;
}

const unique = (column: 'name' | 'alias', method: ClashMethod): Unique => ({
  ...{ name: column, columns: [column] },
  ...(method === 'park' ? {} : { clash: method }),
  ...(method.startsWith('append') ? { append: column } : {}),
});

const MODELS: [what: string, uniques: Unique[]][] = [
  ['earliest', [unique('name', 'earliest')]],
  ['latest', [unique('name', 'latest')]],
  ['earliest of two columns', [unique('name', 'earliest'), unique('alias', 'earliest')]],
  ['latest of two columns', [unique('name', 'latest'), unique('alias', 'latest')]],
  ['append-site', [unique('name', 'append-site')]],
  ['append-sequence', [unique('name', 'append-sequence')]],
  ...(['append-site', 'append-sequence', 'earliest', 'latest'] as const).map(
    (other): [string, Unique[]] => [
      `append-site, of another column ${other}`,
      [unique('name', 'append-site'), unique('alias', other)],
    ],
  ),
];

for (const [what, uniques] of MODELS) {
  test(`${what}: sites end equal, in the table and in what waits, and nothing is lost (seed ${SEED})`, () => {
    const offsets = fc.array(fc.nat({ max: 6 }), { minLength: SITES, maxLength: SITES });
    fc.assert(
      fc.property(offsets, fc.array(step, { minLength: 20, maxLength: 150 }), (skew, steps) => {
        const sites = play(uniques, skew, steps);
        const [first] = sites;
        for (const one of sites) assert.equal(one.state(), first!.state());
        for (const [name, row] of first!.rows) assert.deepEqual(first!.clashes(name, row), []);
        if (uniques.every(({ append }) => append !== undefined))
          assert.equal(first!.waiting.size, 0);
        for (const [name] of first!.waiting) {
          // Who waits is outranked by a row that stands.
          const row = first!.whole(name).row!;
          assert.equal(
            decide(first!.rules, { key: name, row }, first!.clashes(name, row)).do,
            'wait',
          );
        }
      }),
      { seed: SEED, numRuns: RUNS },
    );
  });
}
