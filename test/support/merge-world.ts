import fc from 'fast-check';
import { merge } from '../../src/merge/merge.ts';
import type { Change, KeyState, MergePolicy, RowVersion } from '../../src/merge/types.ts';

export const SITES = 3;
/** A group of each kind that needs no history. */
export const POLICY: MergePolicy = {
  groups: [
    { name: 'a', method: 'latest-timestamp', columns: [0] },
    { name: 'b', method: 'latest-timestamp', columns: [1] },
    { name: 'n', method: 'additive', columns: [2] },
    {
      name: 'm',
      method: 'maximum',
      columns: [3],
      orders: [{ kind: 'number', least: false }],
    },
  ],
};

/** A write at a site, or the delivery of the next change of one site to another. */
export type Step =
  | { do: 'insert'; site: number }
  | { do: 'delete'; site: number }
  | { do: 'update'; site: number; group: number; add: number }
  | { do: 'deliver'; site: number; from: number };

const site = fc.integer({ min: 0, max: SITES - 1 });
/** A drawn step. */
export const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 2, arbitrary: fc.record({ do: fc.constant('insert' as const), site }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('delete' as const), site }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('update' as const),
      site,
      group: fc.integer({ min: 0, max: 3 }),
      add: fc.integer({ min: -5, max: 5 }),
    }),
  },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('deliver' as const), site, from: site }) },
);

/** A change as it goes to the other sites. */
export interface Sent {
  change: Change;
  /** How many changes of each site its origin had seen. */
  known: number[];
}

/** Sites on one key: local writes as the triggers stamp them, causal delivery, each change once. */
export class World {
  readonly states: KeyState[] = Array.from({ length: SITES }, () => ({}));
  readonly logs: Sent[][] = Array.from({ length: SITES }, () => []);
  readonly seen: number[][] = Array.from({ length: SITES }, () => Array<number>(SITES).fill(0));
  readonly floors: bigint[] = Array<bigint>(SITES).fill(0n);
  readonly skew: number[];
  /** Names of the conflicts that were met. */
  readonly conflicts: string[] = [];
  readonly #policy: MergePolicy;

  constructor(skew: number[], policy = POLICY) {
    this.skew = skew;
    this.#policy = policy;
  }

  run(next: Step, at: number): void {
    if (next.do === 'deliver') this.deliver(next.site, next.from);
    else this.write(next, at);
  }

  write(next: Exclude<Step, { do: 'deliver' }>, at: number): void {
    const state = this.states[next.site]!;
    const stamp = this.#stamp(next.site, at, state);
    const change = localChange(state, next, stamp);
    if (change === undefined) return;
    this.states[next.site] = merge(this.#policy, state, change).state;
    this.seen[next.site]![next.site]! += 1;
    this.logs[next.site]!.push({ change, known: [...this.seen[next.site]!] });
  }

  #stamp(at: number, time: number, state: KeyState): bigint {
    const old = [
      ...(state.row?.stamps ?? []),
      state.row?.birth ?? 0n,
      state.tombstone?.stamp ?? 0n,
    ];
    const clock = BigInt(time + this.skew[at]!);
    const least = [clock, this.floors[at]! + 1n, ...old.map((stamp) => (stamp >> 11n) + 1n)];
    return (least.reduce((one, other) => (other > one ? other : one)) << 11n) | BigInt(at + 1);
  }

  /** Delivers the next change of `from`, if the target knows all that it was made with. */
  deliver(to: number, from: number): boolean {
    const sent = this.logs[from]![this.seen[to]![from]!];
    if (to === from || sent === undefined) return false;
    const ready = sent.known.every(
      (count, other) => other === from || this.seen[to]![other]! >= count,
    );
    if (!ready) return false;
    const { state, conflicts } = merge(this.#policy, this.states[to]!, sent.change);
    this.states[to] = state;
    this.conflicts.push(...conflicts.map(({ type }) => type));
    this.seen[to]![from]! += 1;
    const stamps = [...(sent.change.after?.stamps ?? []), sent.change.deleted?.stamp ?? 0n];
    for (const stamp of stamps) if (stamp >> 11n > this.floors[to]!) this.floors[to] = stamp >> 11n;
    return true;
  }

  deliverAll(): void {
    let moved = true;
    while (moved) {
      moved = false;
      for (let to = 0; to < SITES; to++) {
        for (let from = 0; from < SITES; from++) moved = this.deliver(to, from) || moved;
      }
    }
  }
}

function localChange(
  state: KeyState,
  next: Exclude<Step, { do: 'deliver' }>,
  stamp: bigint,
): Change | undefined {
  const { row } = state;
  if (next.do === 'insert') {
    if (row !== undefined) return undefined;
    const values = [`i${stamp}`, `i${stamp}`, '0', '0'];
    return { after: { birth: stamp, stamps: [stamp, stamp, stamp, stamp], values } };
  }
  if (row === undefined) return undefined;
  if (next.do === 'delete') return { before: row, deleted: { birth: row.birth, stamp } };
  const after: RowVersion = { ...row, stamps: [...row.stamps], values: [...row.values] };
  after.stamps[next.group] = stamp;
  if (next.group < 2) after.values[next.group] = `u${stamp}`;
  else if (next.group === 2) after.values[2] = String(Number(row.values[2]) + next.add);
  else after.values[3] = String(Number(row.values[3]) + Math.abs(next.add));
  return { before: row, after };
}
