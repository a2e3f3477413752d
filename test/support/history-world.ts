import assert from 'node:assert/strict';
import fc from 'fast-check';
import { arrivalConflicts } from '../../src/merge/arrival.ts';
import { trimSteps, withChange } from '../../src/merge/history.ts';
import { replay, run } from '../../src/merge/replay.ts';
import { greatest, stampOf } from '../../src/merge/stamps.ts';
import type {
  Change,
  FunctionCall,
  GroupPolicy,
  History,
  MergePolicy,
  Recorded,
  ReplayConflict,
  RowVersion,
  Value,
} from '../../src/merge/types.ts';
import { arrayOf, elementsOf, writeSet } from '../simulation/sets.ts';

/** A function that depends on the order and cannot always decide. Of numbers it makes a number: it may be added to. */
export const call = ({ base, current, incoming }: FunctionCall): Value =>
  Number(incoming) % 5 === 0
    ? null
    : `${base ?? ''}${current}${incoming}`.replaceAll('-', '').slice(-6);

/** A write at a site, the delivery of the next change of one site to another, or what a site does by itself. */
export type Step =
  | { do: 'insert' | 'delete' | 'trim'; site: number }
  | { do: 'update'; site: number; groups: number; value: number }
  | { do: 'deliver'; site: number; from: number }
  | { do: 'clock'; site: number; to: number };

const site = fc.integer({ min: 0, max: 4 });
/** Drawn steps of up to five sites. */
export const steps: fc.Arbitrary<Step[]> = fc.array(
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
  // Without a size fast-check draws five steps on average, which do next to nothing.
  { maxLength: 70, size: 'max' },
);

/** A change as its origin sent it. */
export interface Sent extends Recorded {
  /** How many changes of each site its origin had, this one included. */
  known: number[];
}

/** A site with what it knows of the key. */
export interface HistorySite {
  history: History;
  row: RowVersion | undefined;
  /** Stamp of the tombstone. */
  dead: bigint;
  floor: bigint;
  clock: number;
  seen: number[];
  /** All up to this stamp is stable. */
  stable: bigint;
  conflicts: ReplayConflict[];
}

/**
 * Sites on one key that keep history, of two groups: causal delivery, each change once, every site trims for itself. A
 * group's value is at its own place; the tags of one that is a set are two places after it.
 */
export class HistoryWorld {
  readonly policy: MergePolicy;
  readonly sites: HistorySite[];
  readonly logs: Sent[][];

  constructor(policy: MergePolicy, count: number) {
    this.policy = policy;
    this.logs = Array.from({ length: count }, () => []);
    this.sites = Array.from({ length: count }, () => ({
      ...{ history: { changes: [] }, row: undefined, dead: 0n, floor: 0n, clock: 0, stable: 0n },
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

  #write(here: HistorySite, step: Exclude<Step, { do: 'deliver' | 'clock' }>, time: number): void {
    const stamp = this.#stamp(here, step.site, time);
    const change = changeOf(here, step, { stamp, policy: this.policy });
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
  #stamp(here: HistorySite, site: number, time: number): bigint {
    const above = [
      ...[here.row?.birth ?? 0n, ...(here.row?.stamps ?? []), here.dead],
      ...here.history.changes.map(({ stamp }) => stamp),
    ].map((stamp) => (stamp >> 11n) + 1n);
    const clock = BigInt(1000 + time + here.clock);
    return (greatest([clock, here.floor + 1n, ...above]) << 11n) | BigInt(site + 1);
  }

  #add(here: HistorySite, sent: Sent): void {
    const old = here.history;
    here.history = withChange(old, sent);
    const [before, now] = [old, here.history].map((one) => replay(this.policy, one, call));
    here.row = now!.state.row;
    here.dead = now!.state.tombstone?.stamp ?? 0n;
    const arrival = { old, arrived: [sent], before: before!, now: now! };
    here.conflicts.push(...arrivalConflicts(this.policy, arrival));
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
  trim(here: HistorySite): void {
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
    here.stable = greatest([here.stable, upTo]);
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
  { row, stable }: HistorySite,
  step: Exclude<Step, { do: 'deliver' | 'clock' }>,
  made: { stamp: bigint; policy: MergePolicy },
): Change | undefined {
  const { stamp, policy } = made;
  if (step.do === 'insert') {
    const values = [0, 1].map((place) => firstValue(policy.groups[place]!, place));
    return row === undefined
      ? { after: { birth: stamp, stamps: [stamp, stamp], values: [...values, null, null] } }
      : undefined;
  }
  if (row === undefined) return undefined;
  if (step.do === 'delete') return { before: row, deleted: { birth: row.birth, stamp } };
  if (step.do !== 'update') return undefined;
  const after = { ...row, stamps: [...row.stamps], values: [...row.values] };
  for (const place of [0, 1].filter((one) => (step.groups & (1 << one)) !== 0)) {
    const group = policy.groups[place]!;
    after.stamps[place] = stamp;
    if (group.set === undefined) after.values[place] = String(step.value + place);
    else toggle(group, { before: row, after, stamp, stable, number: step.value });
  }
  return { before: row, after };
}

function firstValue(group: GroupPolicy, place: number): Value {
  return group.set === undefined ? String(10 * (place + 1)) : arrayOf(group, ['1']);
}

/** Adds one of two elements, or takes it away. */
function toggle(
  group: GroupPolicy,
  write: { before: RowVersion; after: RowVersion; stamp: bigint; stable: bigint; number: number },
): void {
  const { before, after, number, stamp, stable } = write;
  const elements = new Set(elementsOf(group, before));
  const element = String(1 + (number % 2));
  if (!elements.delete(element)) elements.add(element);
  const written = writeSet({
    ...{ group, before, stamp, stable, elements: [...elements], planted: undefined },
  });
  const [array, tags] = group.columns;
  after.values[array!] = written.array;
  after.values[tags!] = written.tags;
}

/** A world after drawn steps. */
export function played([policy, count, all]: [MergePolicy, number, Step[]]): HistoryWorld {
  const world = new HistoryWorld(policy, count);
  for (const [index, step] of all.entries()) world.run(step, index);
  return world;
}
