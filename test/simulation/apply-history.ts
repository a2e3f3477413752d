import { beginning, restored, unrecorded } from '../../src/apply/history/history-plain.ts';
import { arrivalConflicts, newConflicts } from '../../src/merge/arrival.ts';
import type { Arrival } from '../../src/merge/arrival.ts';
import { trimSteps, withChange } from '../../src/merge/history.ts';
import { replay, run } from '../../src/merge/replay.ts';
import { stampOf } from '../../src/merge/stamps.ts';
import type {
  Change,
  GroupPolicy,
  History,
  Recorded,
  Replayed,
  ReplayConflict,
  RowVersion,
} from '../../src/merge/types.ts';
import type { DatabaseState } from './database.ts';
import { simOf } from './model.ts';
import type { SimEntity } from './model.ts';
import type { Planted } from './planted.ts';
import { simFunction } from './values.ts';

interface Target {
  sim: SimEntity;
  state: DatabaseState;
  planted: Planted | undefined;
  /** What is applied may have been made with knowledge of what is lost for good. */
  waived: boolean;
  row: string;
}

/** What is stored is not what its history says. */
export class HistoryError extends Error {}

/**
 * Applies one change of an entity that keeps history, as src/apply/history/history-path.ts does it: adds it, replays
 * the history of its key and writes the state that follows.
 */
export function applyRecorded(target: Target, change: Change): 'merged' | 'conflict' {
  const { state, row, planted, waived } = target;
  const stamp = stampOf(change);
  if (stamp === undefined) return 'merged';
  const stored = state.history.get(row);
  // What a lost site's change was made over can be lost too.
  if (stored !== undefined || !waived) checkStored(target, stored, change);
  const here = state.rows.get(row);
  const [made] = waived
    ? restored([{ change, stamp }], { row: here, history: stored ?? { changes: [] } })
    : [{ change, stamp }];
  const old = beginningOf(target, stored, made!);
  const history = added(target, old, made!);
  const before = replayed(target, old);
  const now = replayed(target, history);
  state.history.set(row, history);
  write(target, now);
  const conflicts = met(target, { old, arrived: [made!], before, now });
  if (planted !== 'silent-conflict') record(target, { conflicts, history });
  return conflicts.length === 0 ? 'merged' : 'conflict';
}

/** What has to be recorded. */
function met(target: Target, arrival: Arrival): ReplayConflict[] {
  const { sim, planted } = target;
  const all = arrivalConflicts(sim.policy, arrival);
  const replays = newConflicts(arrival.before.conflicts, arrival.now.conflicts);
  const isOfSet = ({ elements }: ReplayConflict): boolean => elements !== undefined;
  if (planted === 'same-as-seen') return [...replays, ...all.filter(isOfSet)];
  if (planted !== 'sets-in-order') return all;
  const added = arrival.arrived.reduce(withChange, arrival.old);
  const [before, now] = [arrival.old, added].map((history) => inOrder(target, history));
  const words = ({ of, elements }: ReplayConflict): string => [of, ...(elements ?? [])].join(' ');
  const known = new Set(before!.map(words));
  const isNew = (one: ReplayConflict): boolean => !known.has(words(one));
  return [...all.filter((one) => !isOfSet(one)), ...now!.filter(isNew)];
}

/** As a planted bug: the conflicts of sets that show if the changes arrive in the order of their stamps. */
function inOrder({ sim }: Target, history: History): ReplayConflict[] {
  return history.changes.flatMap((one, count) => {
    const old = { ...history, changes: history.changes.slice(0, count) };
    const [before, now] = [old, withChange(old, one)].map((all) =>
      replay(sim.policy, all, simFunction),
    );
    const arrival = { old, arrived: [one], before: before!, now: now! };
    return arrivalConflicts(sim.policy, arrival).filter(({ elements }) => elements !== undefined);
  });
}

/** A key's history before a change is added: what is known without one, and what it begins with. */
function beginningOf(
  { state, row, waived }: Target,
  stored: History | undefined,
  first: Recorded,
): History {
  const [version, tombstone] = [state.rows.get(row), state.tombstones.get(row)];
  const known = {
    ...(version === undefined ? {} : { row: version }),
    ...(tombstone === undefined ? {} : { tombstone }),
  };
  const newest = stored && (stored.changes.at(-1)?.stamp ?? 0n);
  const history = stored ?? { changes: [] };
  const missing = waived
    ? beginning({ state: known, newest }, history, first)
    : unrecorded({ state: known, newest }, first);
  return missing === undefined ? history : withChange(history, missing);
}

function replayed({ sim, planted }: Pick<Target, 'sim' | 'planted'>, history: History): Replayed {
  if (planted === 'insert-overwrites') {
    const { onKeyClash, ...rest } = sim.policy;
    return replay(onKeyClash === 'merge' ? rest : sim.policy, history, simFunction);
  }
  if (planted === 'set-as-value') {
    return replay({ ...sim.policy, groups: sim.policy.groups.map(asValue) }, history, simFunction);
  }
  if (planted === 'base-of-newest' && history.base === undefined) {
    const row = history.changes.at(-1)?.change.before;
    return replay(
      sim.policy,
      row === undefined ? history : { ...history, base: { row } },
      simFunction,
    );
  }
  if (planted !== 'plain-by-stamp') return replay(sim.policy, history, simFunction);
  // The same row with the values that the change expects is what such an engine takes it for.
  const changes: Recorded[] = [];
  for (const one of history.changes) {
    const { row } = replay(sim.policy, { ...history, changes }, simFunction).state;
    changes.push({ ...one, change: asIfSeen(sim, row, one.change) });
  }
  return replay(sim.policy, { ...history, changes }, simFunction);
}

function asIfSeen(sim: SimEntity, row: RowVersion | undefined, change: Change): Change {
  const { before } = change;
  if (row === undefined || before === undefined || row.birth !== before.birth) return change;
  const values = [...before.values];
  for (const [index, group] of sim.policy.groups.entries()) {
    if (group.method !== 'ordered' || row.stamps[index] !== before.stamps[index]) continue;
    for (const place of group.columns) values[place] = row.values[place]!;
  }
  return { ...change, before: { ...before, values } };
}

function added({ planted }: Target, old: History, recorded: Recorded): History {
  if (planted === 'arrival-order') return { ...old, changes: [...old.changes, recorded] };
  return withChange(old, recorded);
}

/** A row is what its history says; without one it is what every new change was made over. */
function checkStored(
  target: Omit<Target, 'waived'>,
  stored: History | undefined,
  change: Change = {},
): void {
  const { state, row } = target;
  const here = state.rows.get(row);
  const wanted = stored === undefined ? change.before : replayed(target, stored).state.row;
  if (print(here) === print(wanted)) return;
  const says =
    stored === undefined ? 'what the first change was made over' : 'what its history says';
  throw new HistoryError(`row ${row} is ${print(here)}, ${says} is ${print(wanted)}`);
}

function print(row: RowVersion | undefined): string {
  return row === undefined
    ? 'absent'
    : `${JSON.stringify(row.values)} born ${row.birth} stamps ${row.stamps.join(' ')}`;
}

function write({ state, row, planted }: Target, { state: now }: Replayed): void {
  if (now.row === undefined) state.rows.delete(row);
  else state.rows.set(row, now.row);
  if (now.tombstone !== undefined) state.tombstones.set(row, now.tombstone);
  else if (planted !== 'tombstone-stays') state.tombstones.delete(row);
}

/** A record has both images: the row that the change met, and the change. */
function record(
  { sim, state, row }: Target,
  parts: { conflicts: readonly ReplayConflict[]; history: History },
): void {
  if (parts.conflicts.length === 0) return;
  const named = new Set(state.conflicts.get(row));
  for (const conflict of parts.conflicts) {
    const change = parts.history.changes.find(({ stamp }) => stamp === conflict.of)?.change;
    const group = sim.policy.groups.findIndex(({ name }) => name === conflict.group);
    for (const image of [conflict.met, change?.after]) {
      if (image === undefined) continue;
      const stamps = conflict.type === 'update' ? [image.stamps[group]!] : image.stamps;
      for (const stamp of stamps) named.add(stamp);
      if (conflict.type !== 'update') named.add(-image.birth);
    }
    for (const element of conflict.elements ?? []) named.add(`${group} ${element}`);
  }
  state.conflicts.set(row, named);
}

/** Takes away what is stable of all histories. */
export function trimHistories(
  context: { model: readonly SimEntity[]; state: DatabaseState; planted: Planted | undefined },
  upTo: bigint,
): number {
  const { model, state, planted } = context;
  let trimmed = 0;
  for (const [row, history] of state.history) {
    const sim = simOf(model, row);
    const rest =
      planted === 'trim-merged'
        ? trimmedAnyway(sim, history, upTo)
        : run(trimSteps(sim.policy, history, upTo), simFunction);
    if (rest === history) continue;
    trimmed += 1;
    const left = rest && damaged({ sim, planted }, rest);
    if (left === undefined) state.history.delete(row);
    else {
      state.history.set(row, left);
      checkStored({ sim, state, planted, row }, left);
    }
  }
  return trimmed;
}

/** As a planted bug: trims whatever is left. */
function trimmedAnyway({ policy }: SimEntity, history: History, upTo: bigint): History | undefined {
  const changes = history.changes.filter(({ stamp }) => stamp > upTo);
  if (changes.length === 0) return undefined;
  if (changes.length === history.changes.length) return history;
  const old = history.changes.slice(0, -changes.length);
  const { state, last } = replay(policy, { ...history, changes: old }, simFunction);
  return { base: { ...state, ...(last && { last }) }, changes };
}

/** As planted bugs: a base that lacks something. */
function damaged({ sim, planted }: Pick<Target, 'sim' | 'planted'>, history: History): History {
  if (planted === 'no-last-image') return withoutLast(history);
  const { base, changes } = history;
  if (planted !== 'base-without-tags' || base === undefined) return history;
  const bare = (row: RowVersion): RowVersion => {
    const values = [...row.values];
    for (const { set, columns } of sim.policy.groups) {
      if (set !== undefined) values[columns[1]!] = null;
    }
    return { ...row, values };
  };
  const { row, last } = base;
  return {
    base: { ...base, ...(row && { row: bare(row) }), ...(last && { last: bare(last) }) },
    changes,
  };
}

/** As a planted bug: a set that is merged as one value. */
function asValue(group: GroupPolicy): GroupPolicy {
  const { name, columns } = group;
  return group.set === undefined ? group : { name, columns, method: 'latest-timestamp' };
}

function withoutLast({ base, changes }: History): History {
  const { last: _, ...rest } = base ?? {};
  return { base: rest, changes };
}
