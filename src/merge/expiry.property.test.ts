import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { POLICY, SITES, step, World } from '../../test/support/merge-world.ts';
import type { Step } from '../../test/support/merge-world.ts';
import { wasOver } from './expiry.ts';
import type { MergePolicy } from './types.ts';
import { SEED } from '../../test/support/seed.ts';

const EXPIRING: MergePolicy = { ...POLICY, expires: { value: 0, graceMicros: 0n } };

/** Sites that remove the row by themselves, without a tombstone (src/site/upkeep/expiry.ts). */
class ExpiringWorld extends World {
  /** Everybody has what the site has, and what can still arrive there was made with knowledge of it. */
  isStable(at: number): boolean {
    const here = this.seen[at]!;
    const covers = (known: readonly number[]): boolean =>
      known.every((count, other) => count >= here[other]!);
    const coming = this.logs.flatMap((log, from) => log.slice(here[from]));
    return this.seen.every(covers) && coming.every(({ known }) => covers(known));
  }

  remove(at: number): void {
    delete this.states[at]!.row;
  }

  /** Brings the row to every site again: a renewal where it is, or a new row where nobody has one. */
  renew(): void {
    const holder = this.states.findIndex(({ row }) => row !== undefined);
    if (holder < 0) this.write({ do: 'insert', site: 0 }, 10_000);
    else this.write({ do: 'update', site: holder, group: 0, add: 0 }, 10_000);
    this.deliverAll();
  }
}

type Drawn = Step | { do: 'expire'; site: number };

const drawn: fc.Arbitrary<Drawn> = fc.oneof(
  { weight: 12, arbitrary: step },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('expire' as const),
      site: fc.integer({ min: 0, max: SITES - 1 }),
    }),
  },
);
const scenario = fc.tuple(
  fc.array(drawn, { maxLength: 80 }),
  fc.array(fc.integer({ min: -50, max: 50 }), { minLength: SITES, maxLength: SITES }),
);

function play(
  [steps, skew]: readonly [readonly Drawn[], number[]],
  mayGo: (world: ExpiringWorld, site: number) => boolean,
): void {
  const world = new ExpiringWorld(skew, EXPIRING);
  for (const [index, next] of steps.entries()) {
    if (next.do !== 'expire') world.run(next, 1000 + index);
    else if (mayGo(world, next.site)) world.remove(next.site);
  }
  world.deliverAll();
  // Who has a row has the same one; and one more write makes all sites equal.
  const rows = world.states.flatMap(({ row }) => row ?? []);
  for (const row of rows) assert.deepEqual(row, rows[0]);
  world.renew();
  for (const state of world.states) assert.deepEqual(state, world.states[0]);
  assert.equal(world.conflicts.includes('missing'), false);
}

test(`sites that remove a row by themselves when it is stable differ by its absence only (seed ${SEED})`, () => {
  fc.assert(
    fc.property(scenario, (one) => play(one, (world, at) => world.isStable(at))),
    { seed: SEED, numRuns: 3000 },
  );
});

test('sites that remove it whenever they like end with different rows', () => {
  const careless = fc.property(scenario, (one) => play(one, () => true));
  assert.throws(() => fc.assert(careless, { seed: 1, numRuns: 3000 }));
});

test('two inserts of a key are no conflict when the earlier row was over', () => {
  const policy: MergePolicy = { groups: [], expires: { value: 0, graceMicros: 1_500_000n } };
  const row = (seconds: number, expires: string) => ({
    birth: BigInt(seconds * 1_000_000) << 11n,
    ...{ stamps: [], values: [expires] },
  });
  const cases: [expires: string, later: number, over: boolean][] = [
    ['2020-01-01 00:00:10+00', 11.5, true],
    ['2020-01-01 00:00:10+00', 11.4, false],
    ['2020-01-01 00:00:09.9+00', 11.4, true],
    ['infinity', 11.4, false],
  ];
  for (const [expires, later, over] of cases) {
    assert.equal(wasOver(policy, row(5, expires), row(later, 'infinity')), over, expires);
    assert.equal(wasOver({ groups: [] }, row(5, expires), row(later, '')), false);
  }
});
