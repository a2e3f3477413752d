import assert from 'node:assert/strict';
import { appended, decide, derivedStamp, givesWay } from '../../src/merge/claims.ts';
import type { Clash, ClashRules, UniqueRule } from '../../src/merge/claims.ts';
import { merge } from '../../src/merge/merge.ts';
import type {
  Change,
  KeyState,
  MergePolicy,
  RowVersion,
  Tombstone,
} from '../../src/merge/types.ts';
import { wholeState } from '../../src/merge/waiting.ts';
import type { ParkedRow } from '../../src/merge/waiting.ts';

/*
 * The settler's rules (src/apply/settle/retry.ts, derive.ts) over maps, on the functions that the agent uses.
 */

export const SITES = 3;
export const KEYS = 3;
/** name, alias, a counter. */
export const POLICY: MergePolicy = {
  groups: [
    { name: 'name', method: 'latest-timestamp', columns: [0] },
    { name: 'alias', method: 'latest-timestamp', columns: [1] },
    { name: 'uses', method: 'additive', columns: [2] },
  ],
};

/** What happens in a scenario. */
export type Step =
  | { do: 'insert' | 'rename' | 'alias'; site: number; key: number; value: number }
  | { do: 'use' | 'delete'; site: number; key: number }
  | { do: 'deliver'; site: number; from: number }
  | { do: 'settle'; site: number; key: number };

/** A change on its way, and what its origin had seen of each site. */
interface Sent {
  key: string;
  change: Change;
  known: number[];
}

/** A site's rows, what waits, and what it sends. */
export class Site {
  readonly number: number;
  readonly rules: ClashRules;
  readonly rows = new Map<string, RowVersion>();
  readonly tombstones = new Map<string, Tombstone>();
  readonly waiting = new Map<string, ParkedRow>();
  readonly log: Sent[] = [];
  readonly seen = Array<number>(SITES).fill(0);
  #floor = 0n;

  constructor(number: number, rules: ClashRules) {
    this.number = number;
    this.rules = rules;
  }

  physical(name: string): KeyState {
    const row = this.rows.get(name);
    const tombstone = this.tombstones.get(name);
    return {
      ...(row === undefined ? {} : { row }),
      ...(tombstone === undefined ? {} : { tombstone }),
    };
  }

  whole(name: string): KeyState {
    const parked = this.waiting.get(name);
    const physical = this.physical(name);
    return parked === undefined ? physical : wholeState(POLICY, parked, physical).state;
  }

  clashes(name: string, row: RowVersion): Clash[] {
    return this.rules.uniques.flatMap((unique) =>
      [...this.rows]
        .filter(([other, found]) => other !== name && isSameValue(unique, row, found))
        .map(([other, found]) => ({ unique, incumbent: { key: other, row: found } })),
    );
  }

  #stamp(clock: bigint, ...above: bigint[]): bigint {
    const time = [clock, this.#floor + 1n, ...above.map((stamp) => (stamp >> 11n) + 1n)];
    return (time.reduce((a, b) => (a > b ? a : b)) << 11n) | BigInt(this.number + 1);
  }

  send(name: string, change: Change): void {
    this.log.push({ key: name, change, known: [...this.seen] });
    this.seen[this.number] = this.log.length;
  }

  /** A write of the service; the unique index refuses what clashes here. */
  write(name: string, step: Step, clock: bigint): void {
    const before = this.rows.get(name);
    const dead = this.tombstones.get(name);
    if (step.do === 'delete') {
      if (before === undefined) return;
      const stamp = this.#stamp(clock, before.birth, ...before.stamps);
      const deleted = { birth: before.birth, stamp };
      this.#put(name, merge(POLICY, this.physical(name), { before, deleted }).state);
      return this.send(name, { before, deleted });
    }
    if ((step.do === 'insert') !== (before === undefined)) return;
    const after = this.#written(step, before, (...above) =>
      this.#stamp(clock, ...above, ...(dead === undefined ? [] : [dead.stamp])),
    );
    if (this.clashes(name, after).length > 0) return;
    this.rows.set(name, after);
    this.send(name, before === undefined ? { after } : { before, after });
  }

  #written(
    step: Step,
    before: RowVersion | undefined,
    stamp: (...above: bigint[]) => bigint,
  ): RowVersion {
    const value = 'value' in step ? `v${step.value}` : '';
    if (before === undefined) {
      const born = stamp();
      return { birth: born, stamps: [born, born, born], values: [value, `a${value}`, '0'] };
    }
    const after = { birth: before.birth, stamps: [...before.stamps], values: [...before.values] };
    const group = step.do === 'rename' ? 0 : step.do === 'alias' ? 1 : 2;
    after.values[group] =
      group === 2 ? String(Number(before.values[2]) + 1) : group === 1 ? `a${value}` : value;
    after.stamps[group] = stamp(before.stamps[group]!);
    return after;
  }

  #put(name: string, state: KeyState): void {
    if (state.row === undefined) this.rows.delete(name);
    else this.rows.set(name, state.row);
    if (state.tombstone !== undefined) this.tombstones.set(name, state.tombstone);
  }

  /** The set-based path sees the table only; else the whole state of the key decides. */
  apply({ key: name, change }: Sent): void {
    const { after, deleted } = change;
    this.#follow(after?.birth, ...(after?.stamps ?? []), deleted?.stamp);
    const physical = this.physical(name);
    if (isFast(physical.row, change)) {
      const { state } = merge(POLICY, physical, change);
      if (this.clashes(name, state.row!).length === 0) return this.#put(name, state);
    }
    const { state } = merge(POLICY, this.whole(name), change);
    if (state.row === undefined || this.clashes(name, state.row).length === 0) {
      this.#put(name, state);
      this.waiting.delete(name);
      return;
    }
    const dead = physical.row !== undefined && physical.row.birth <= (state.tombstone?.birth ?? 0n);
    this.#put(name, { ...state, row: dead ? undefined : physical.row } as KeyState);
    this.waiting.set(name, { row: state.row, base: dead ? undefined : physical.row });
  }

  /** `retry` and what it asks for; true if anything changed. */
  settle(name: string): boolean {
    if (!this.waiting.has(name)) return false;
    const { row } = this.whole(name);
    if (row === undefined) return this.waiting.delete(name);
    const physical = this.rows.get(name);
    const clashes = this.clashes(name, row);
    if (clashes.length === 0) {
      this.rows.set(name, row);
      return this.waiting.delete(name);
    }
    if (this.#exchange(name, row, clashes)) return true;
    const decision = decide(this.rules, { key: name, row }, clashes);
    if (decision.do === 'wait') {
      if (decision.out) this.#takeOut(name);
      this.waiting.set(name, { row, base: decision.out ? undefined : physical });
      return decision.out && physical !== undefined;
    }
    for (const { incumbent } of decision.losers) this.#evict(incumbent.key);
    if (decision.do === 'evict') {
      this.rows.set(name, row);
      return this.waiting.delete(name);
    }
    this.waiting.set(name, { row, base: physical });
    for (const { unique, incumbent } of decision.others) {
      if (this.rows.get(incumbent.key) === incumbent.row) this.#deriveOther(incumbent.key, unique);
    }
    if (decision.self.length > 0) this.#deriveSelf(name, decision.self);
    return true;
  }

  /** The key is free then: what the service inserts is to be later. */
  #takeOut(name: string): void {
    const row = this.rows.get(name);
    if (row === undefined) return;
    this.#follow(row.birth, ...row.stamps);
    this.rows.delete(name);
  }

  #follow(...stamps: (bigint | undefined)[]): void {
    for (const stamp of stamps) {
      if (stamp !== undefined && stamp >> 11n > this.#floor) this.#floor = stamp >> 11n;
    }
  }

  #evict(name: string): void {
    const { row } = this.whole(name);
    this.#takeOut(name);
    if (row !== undefined) this.waiting.set(name, { row, base: undefined });
  }

  #exchange(name: string, row: RowVersion, clashes: readonly Clash[]): boolean {
    const others = clashes
      .map(({ incumbent }) => incumbent.key)
      .filter((one) => this.waiting.has(one));
    if (others.length === 0) return false;
    const next = new Map([[name, row as RowVersion | undefined]]);
    for (const other of others) next.set(other, this.whole(other).row);
    const saved = new Map(this.rows);
    for (const one of next.keys()) this.rows.delete(one);
    for (const [one, version] of next) {
      if (version === undefined) continue;
      if (this.clashes(one, version).length > 0) {
        this.rows.clear();
        for (const [back, old] of saved) this.rows.set(back, old);
        return false;
      }
      this.rows.set(one, version);
    }
    for (const one of next.keys()) this.waiting.delete(one);
    return true;
  }

  /** The next form of a row that waits; only the groups that give way are in the change. */
  #deriveSelf(name: string, uniques: readonly UniqueRule[]): void {
    const row = this.whole(name).row!;
    let before = this.rows.get(name);
    if (before !== undefined && before.birth !== row.birth) {
      this.rows.delete(name);
      before = undefined;
    }
    if (before !== undefined) {
      const old = before;
      before = { birth: row.birth, stamps: [...row.stamps], values: [...row.values] };
      for (const { append } of uniques) {
        before.stamps[append!.group] = old.stamps[append!.group]!;
        before.values[append!.group] = old.values[append!.group]!;
      }
    }
    let after = row;
    for (const unique of uniques) after = this.#form(name, after, unique);
    this.#derived(name, { before, after });
    this.waiting.delete(name);
  }

  /** The next form of a row that stands, as it is in the table. */
  #deriveOther(name: string, unique: UniqueRule): void {
    const before = this.rows.get(name)!;
    this.#derived(name, { before, after: this.#form(name, before, unique) });
  }

  #derived(
    name: string,
    { before, after }: { before?: RowVersion | undefined; after: RowVersion },
  ): void {
    // What the database would say of the write.
    assert.deepEqual(this.clashes(name, after), [], 'the derived row is forbidden too');
    this.rows.set(name, after);
    this.send(name, before === undefined ? { after } : { before, after });
  }

  #form(name: string, row: RowVersion, unique: UniqueRule): RowVersion {
    const { group } = unique.append!;
    let next = row;
    for (;;) {
      const number = Number(next.stamps[group]! & 2047n) || Number(next.birth & 2047n);
      next = { birth: next.birth, stamps: [...next.stamps], values: [...next.values] };
      const method = unique.method as 'append-site' | 'append-sequence';
      next.values[group] = appended(method, next.values[group]!, `s${number}`);
      next.stamps[group] = derivedStamp(next.stamps[group]!);
      const one = { key: name, row: next };
      const met = this.clashes(name, next).filter((clash) => clash.unique === unique);
      if (met.some(({ incumbent }) => givesWay(this.rules, unique, { one, other: incumbent })))
        continue;
      for (const { incumbent } of met) this.#deriveOther(incumbent.key, unique);
      return next;
    }
  }

  state(): string {
    const names = Array.from({ length: KEYS }, (_, at) => `k${at}`);
    return print(names.map((name) => [this.rows.get(name) ?? null, this.whole(name).row ?? null]));
  }
}

function isSameValue({ columns }: UniqueRule, one: RowVersion, other: RowVersion): boolean {
  return columns.every((column) => {
    const place = column === 'name' ? 0 : 1;
    return one.values[place] === other.values[place];
  });
}

/** What the set-based update would take. */
function isFast(row: RowVersion | undefined, { before, after, deleted }: Change): boolean {
  if (row === undefined || before === undefined || after === undefined) return false;
  if (deleted !== undefined || row.birth !== before.birth || before.birth !== after.birth)
    return false;
  return [0, 1].every(
    (group) =>
      before.stamps[group] === after.stamps[group] || row.stamps[group] === before.stamps[group],
  );
}

function print(value: unknown): string {
  return JSON.stringify(value, (_, one: unknown) => (typeof one === 'bigint' ? String(one) : one));
}
