import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { call, played, steps } from '../../test/support/history-world.ts';
import type { HistoryWorld, Sent } from '../../test/support/history-world.ts';
import { elementsOf } from '../../test/simulation/sets.ts';
import { arrivalConflicts } from './arrival.ts';
import { withChange } from './history.ts';
import { replay } from './replay.ts';
import type { Decider, GroupPolicy, MergePolicy, RowVersion } from './types.ts';
import { SEED } from '../../test/support/seed.ts';

const NAMES = new Map([1, 2, 3, 4, 5].map((number) => [number, `s${number}`]));
const names = (): ReadonlyMap<number, string> => NAMES;
const number = { kind: 'number', least: false } as const;

const DECIDERS: readonly Decider[] = [
  { method: 'latest-timestamp' },
  { method: 'earliest-timestamp' },
  { method: 'overwrite' },
  { method: 'discard' },
  { method: 'park' },
  { method: 'additive' },
  { method: 'average', scales: [0] },
  { method: 'maximum', orders: [number] },
  { method: 'site-priority', sites: ['s3', 's1'], names },
  { method: 'owner-wins', names },
  { method: 'owner-wins', place: 0, names },
  { method: 'sql-function', name: 'f', type: 'text' },
];
const decider = fc.constantFrom(...DECIDERS);

const group = (place: number): fc.Arbitrary<GroupPolicy> => {
  const one = { name: `g${place}`, columns: [place] };
  return fc.oneof(
    { weight: 1, arbitrary: fc.constant({ ...one, method: 'latest-timestamp' as const }) },
    { weight: 1, arbitrary: fc.constant({ ...one, method: 'additive' as const }) },
    {
      weight: 4,
      arbitrary: fc
        .array(decider, { minLength: 1, maxLength: 3 })
        .map((methods) => ({ ...one, method: 'ordered' as const, methods })),
    },
  );
};

const setGroup = (place: number): fc.Arbitrary<GroupPolicy> =>
  fc.constantFrom('add-wins' as const, 'remove-wins' as const).map((method) => ({
    ...{ name: `g${place}`, method, columns: [place, place + 2] },
    set: { numbers: true, empty: '{}' },
  }));

/** Policies of two groups, the first a set where `set` says so. */
const policiesOf = (set: boolean): fc.Arbitrary<MergePolicy> =>
  fc
    .record({
      groups: fc.tuple(set ? setGroup(0) : group(0), fc.oneof(group(1), setGroup(1))),
      onDeleteUpdate: fc.constantFrom('update', 'latest', 'park', undefined),
      onKeyClash: fc.constantFrom('earliest', 'merge', 'merge', undefined),
    })
    .map(({ groups, onDeleteUpdate, onKeyClash }) => ({
      groups,
      ...(onDeleteUpdate === undefined ? {} : { onDeleteUpdate }),
      ...(onKeyClash === undefined ? {} : { onKeyClash }),
    }));

const count = fc.integer({ min: 2, max: 5 });
const histories = fc.tuple(fc.oneof(policiesOf(false), policiesOf(true)), count, steps);
const withSets = fc.tuple(policiesOf(true), count, steps);

test(`sites that have the same changes have the same row, whatever they have trimmed (seed ${SEED})`, () => {
  fc.assert(
    fc.property(histories, (drawn) => {
      const world = played(drawn);
      world.deliverAll();
      const [first, ...others] = world.sites;
      for (const other of others) assert.deepEqual(other.row, first!.row);
      const changes = world.logs
        .flat()
        .toSorted((one, other) => (one.stamp < other.stamp ? -1 : 1));
      assert.deepEqual(first!.row, replay(drawn[0], { changes }, call).state.row);
      for (const one of world.sites) world.trim(one);
      for (const one of world.sites) assert.deepEqual(one.history, { changes: [] });
    }),
    { seed: SEED, numRuns: 4000 },
  );
});

/** Elements of the first group that a change added or removed. */
function touched(world: HistoryWorld, { change }: Sent): Map<string, 'added' | 'removed'> {
  const [had, has] = [change.before, change.after].map((row) =>
    elementsOf(world.policy.groups[0]!, row),
  );
  const all = [...new Set([...had!, ...has!])].filter((one) => had!.has(one) !== has!.has(one));
  return new Map(all.map((one) => [one, has!.has(one) ? 'added' : 'removed']));
}

/** The changes that leave one of these rows, by its origin and place in the log. */
interface Placed {
  sent: Sent;
  origin: number;
  place: number;
}

function changesOf(world: HistoryWorld, births: ReadonlySet<bigint>): Placed[] {
  return world.logs
    .flatMap((log, origin) => log.map((sent, place) => ({ sent, origin, place })))
    .filter(({ sent: { change } }) => change.after !== undefined && births.has(change.after.birth));
}

/** A world in which everything is delivered, with the row in it; undefined where there is none. */
function ended(
  drawn: Parameters<typeof played>[0],
): { world: HistoryWorld; row: RowVersion; changes: Placed[] } | undefined {
  const world = played(drawn);
  world.deliverAll();
  const { row } = world.sites[0]!;
  const changes = world.logs.flat().toSorted((one, other) => (one.stamp < other.stamp ? -1 : 1));
  const { births } = replay(world.policy, { changes }, call);
  return row && { world, row, changes: changesOf(world, births) };
}

const knows = ({ sent }: Placed, one: Placed): boolean => sent.known[one.origin]! > one.place;

test(`a set is what was added and removed by writes that did not know each other (seed ${SEED})`, () => {
  fc.assert(
    fc.property(withSets, (drawn) => {
      const end = ended(drawn);
      if (end === undefined) return;
      const { world, row, changes } = end;
      const group = world.policy.groups[0]!;
      for (const element of ['1', '2']) {
        const [added, removed] = (['added', 'removed'] as const).map((what) =>
          changes.filter(({ sent }) => touched(world, sent).get(element) === what),
        );
        const stays =
          group.method === 'add-wins'
            ? added!.some((add) => !removed!.some((remove) => knows(remove, add)))
            : added!.length > 0 &&
              removed!.every((remove) => added!.some((add) => knows(add, remove)));
        assert.equal(elementsOf(group, row).has(element), stays, `${group.method} ${element}`);
      }
    }),
    { seed: SEED, numRuns: 3000 },
  );
});

test(`an addition or removal that has no effect is recorded at some site (seed ${SEED})`, () => {
  let recorded = 0;
  fc.assert(
    fc.property(withSets, (drawn) => {
      const end = ended(drawn);
      if (end === undefined) return;
      const { world, row, changes } = end;
      const named = new Set(
        world.sites.flatMap(({ conflicts }) =>
          conflicts.filter((one) => one.group === 'g0').flatMap((one) => one.elements ?? []),
        ),
      );
      for (const one of changes) {
        for (const [element, what] of touched(world, one.sent)) {
          const there = elementsOf(world.policy.groups[0]!, row).has(element);
          const later = changes.some(
            (other) =>
              other !== one && knows(other, one) && touched(world, other.sent).has(element),
          );
          if (there === (what === 'added') || later) continue;
          assert.ok(named.has(element), `${what} ${element} of site ${one.origin + 1}`);
          recorded += 1;
        }
      }
    }),
    { seed: SEED, numRuns: 3000 },
  );
  assert.ok(recorded > 50, `${recorded} writes had no effect`);
});

test(`a change that arrives again changes nothing and is no conflict (seed ${SEED})`, () => {
  fc.assert(
    fc.property(withSets, (drawn) => {
      const { policy, sites, logs } = played(drawn);
      for (const { history } of sites) {
        const arrived = logs
          .flat()
          .filter(({ stamp }) => history.changes.some((one) => one.stamp === stamp));
        assert.deepEqual(arrived.reduce(withChange, history), history);
        const before = replay(policy, history, call);
        const arrival = { old: history, arrived, before, now: before };
        assert.deepEqual(arrivalConflicts(policy, arrival), []);
      }
    }),
    { seed: SEED, numRuns: 1000 },
  );
});
