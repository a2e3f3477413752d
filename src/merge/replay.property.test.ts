import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { trimSteps, withChange } from './history.ts';
import { replay, run } from './replay.ts';
import { greatest, stampOf } from './stamps.ts';
import type {
  Change,
  Decider,
  FunctionCall,
  GroupPolicy,
  History,
  MergePolicy,
  Recorded,
  ReplayConflict,
  RowVersion,
  Value,
} from './types.ts';

const SEED = Number(process.env['SEED'] ?? Date.now() % 2 ** 31);

const NAMES = new Map([1, 2, 3, 4, 5].map((number) => [number, `s${number}`]));
const names = (): ReadonlyMap<number, string> => NAMES;
const number = { kind: 'number', least: false } as const;

/** A function that depends on the order and cannot always decide. */
const call = ({ base, current, incoming }: FunctionCall): Value =>
  Number(incoming) % 5 === 0 ? null : `${base ?? ''}${current}${incoming}`.slice(-6);

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

const policies: fc.Arbitrary<MergePolicy> = fc
  .record({
    groups: fc.tuple(group(0), group(1)),
    onDeleteUpdate: fc.constantFrom('update', 'latest', 'park', undefined),
    onKeyClash: fc.constantFrom('earliest', undefined),
  })
  .map(({ groups, onDeleteUpdate, onKeyClash }) => ({
    groups,
    ...(onDeleteUpdate === undefined ? {} : { onDeleteUpdate }),
    ...(onKeyClash === undefined ? {} : { onKeyClash }),
  }));

type Step =
  | { do: 'insert' | 'delete' | 'trim'; site: number }
  | { do: 'update'; site: number; groups: number; value: number }
  | { do: 'deliver'; site: number; from: number }
  | { do: 'clock'; site: number; to: number };

const site = fc.integer({ min: 0, max: 4 });
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 2, arbitrary: fc.record({ do: fc.constant('insert' as const), site }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('delete' as const), site }) },
    {
      weight: 5,
      arbitrary: fc.record({
        ...{ do: fc.constant('update' as const), site },
        groups: fc.integer({ min: 1, max: 3 }),
        value: fc.integer({ min: 0, max: 40 }),
      }),
    },
    {
      weight: 6,
      arbitrary: fc.record({ do: fc.constant('deliver' as const), site, from: site }),
    },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('trim' as const), site }) },
    {
      weight: 1,
      arbitrary: fc.record({
        ...{ do: fc.constant('clock' as const), site },
        to: fc.integer({ min: -60, max: 60 }),
      }),
    },
  ),
  { maxLength: 70 },
);

interface Sent extends Recorded {
  /** How many changes of each site its origin had, this one included. */
  known: number[];
}

interface Site {
  history: History;
  row: RowVersion | undefined;
  /** Stamp of the tombstone. */
  dead: bigint;
  floor: bigint;
  clock: number;
  seen: number[];
  conflicts: ReplayConflict[];
}

/** Sites on one key that keep history; causal delivery, each change once, every site trims for itself. */
class World {
  readonly policy: MergePolicy;
  readonly sites: Site[];
  readonly logs: Sent[][];

  constructor(policy: MergePolicy, count: number) {
    this.policy = policy;
    this.logs = Array.from({ length: count }, () => []);
    this.sites = Array.from({ length: count }, () => ({
      ...{ history: { changes: [] }, row: undefined, dead: 0n, floor: 0n, clock: 0 },
      ...{ seen: Array<number>(count).fill(0), conflicts: [] },
    }));
  }

  run(step: Step, time: number): void {
    const here = this.sites[step.site];
    if (here === undefined) return;
    if (step.do === 'deliver') this.deliver(step.site, step.from);
    else if (step.do === 'trim') this.trim(here);
    else if (step.do === 'clock') here.clock = step.to;
    else this.#write(here, step, time);
  }

  #write(here: Site, step: Exclude<Step, { do: 'deliver' | 'clock' }>, time: number): void {
    const stamp = this.#stamp(here, step.site, time);
    const change = changeOf(here.row, step, { stamp, policy: this.policy });
    if (change === undefined) return;
    here.seen[step.site]! += 1;
    const sent = { change, stamp: stampOf(change)!, known: [...here.seen] };
    assert.equal(sent.stamp, stamp);
    this.logs[step.site]!.push(sent);
    const { row } = here;
    this.#add(here, sent);
    // What the service wrote is what the replay says: its change is plain.
    assert.deepEqual(here.row, change.after, `${JSON.stringify(row?.values)} was written over`);
  }

  /** As the trigger: above the clock, what was applied, the row, its tombstone and its history. */
  #stamp(here: Site, site: number, time: number): bigint {
    const above = [
      ...[here.row?.birth ?? 0n, ...(here.row?.stamps ?? []), here.dead],
      ...here.history.changes.map(({ stamp }) => stamp),
    ].map((stamp) => (stamp >> 11n) + 1n);
    const clock = BigInt(1000 + time + here.clock);
    return (greatest([clock, here.floor + 1n, ...above]) << 11n) | BigInt(site + 1);
  }

  #add(here: Site, sent: Sent): void {
    here.history = withChange(here.history, sent);
    const { state, conflicts } = replay(this.policy, here.history, call);
    here.row = state.row;
    here.dead = state.tombstone?.stamp ?? 0n;
    here.conflicts.push(...conflicts);
  }

  /** Delivers the next change of `from`, if the target knows all that it was made with. */
  deliver(to: number, from: number): boolean {
    const here = this.sites[to]!;
    const sent = this.logs[from]?.[here.seen[from]!];
    if (to === from || sent === undefined) return false;
    if (!sent.known.every((count, other) => other === from || here.seen[other]! >= count)) {
      return false;
    }
    here.seen[from]! += 1;
    if (sent.stamp >> 11n > here.floor) here.floor = sent.stamp >> 11n;
    this.#add(here, sent);
    return true;
  }

  /** Everywhere known, and known where every change was made that is not everywhere yet. */
  trim(here: Site): void {
    const everywhere = (_: Sent, origin: number, place: number): boolean =>
      this.sites.every((one) => one.seen[origin]! > place);
    const all = this.logs.flatMap((log, origin) =>
      log.map((sent, place) => ({ sent, origin, place })),
    );
    const open = all.filter(({ sent, origin, place }) => !everywhere(sent, origin, place));
    const stable = all
      .filter(({ origin, place }) => open.every(({ sent }) => sent.known[origin]! > place))
      .filter(({ sent, origin, place }) => everywhere(sent, origin, place));
    // Everything up to the stamp has to be stable, and new stamps greater.
    const unstable = all.filter((one) => !stable.includes(one)).map(({ sent }) => sent.stamp);
    const limit = unstable.reduce((one, other) => (other < one ? other : one), 2n ** 62n);
    const upTo = greatest(stable.map(({ sent }) => sent.stamp).filter((stamp) => stamp < limit));
    here.history = run(trimSteps(this.policy, here.history, upTo), call) ?? { changes: [] };
  }

  deliverAll(): void {
    for (let moved = true; moved;) {
      moved = false;
      for (let to = 0; to < this.sites.length; to++) {
        for (let from = 0; from < this.sites.length; from++) {
          moved = this.deliver(to, from) || moved;
        }
      }
    }
  }
}

function changeOf(
  row: RowVersion | undefined,
  step: Exclude<Step, { do: 'deliver' | 'clock' }>,
  made: { stamp: bigint; policy: MergePolicy },
): Change | undefined {
  const { stamp } = made;
  if (step.do === 'insert') {
    const values = ['10', '20'];
    return row === undefined
      ? { after: { birth: stamp, stamps: [stamp, stamp], values } }
      : undefined;
  }
  if (row === undefined) return undefined;
  if (step.do === 'delete') return { before: row, deleted: { birth: row.birth, stamp } };
  if (step.do !== 'update') return undefined;
  const after = { ...row, stamps: [...row.stamps], values: [...row.values] };
  for (const place of [0, 1].filter((one) => (step.groups & (1 << one)) !== 0)) {
    after.stamps[place] = stamp;
    after.values[place] = String(step.value + place);
  }
  return { before: row, after };
}

const histories = fc.tuple(policies, fc.integer({ min: 2, max: 5 }), steps);

function played([policy, count, all]: [MergePolicy, number, Step[]]): World {
  const world = new World(policy, count);
  for (const [index, step] of all.entries()) world.run(step, index);
  return world;
}

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
