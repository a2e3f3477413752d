import { restored, unrecorded } from '../../src/apply/history-plain.ts';
import { newConflicts, trimSteps, withChange } from '../../src/merge/history.ts';
import { replay, run } from '../../src/merge/replay.ts';
import { stampOf } from '../../src/merge/stamps.ts';
import type {
  Change,
  History,
  Recorded,
  Replayed,
  ReplayConflict,
  RowVersion,
} from '../../src/merge/types.ts';
import type { DatabaseState } from './database.ts';
import type { SimEntity } from './model.ts';
import type { Planted } from './planted.ts';
import { simFunction } from './values.ts';

interface Target {
  sim: SimEntity;
  state: DatabaseState;
  planted: Planted | undefined;
  row: string;
}

/** What is stored is not what its history says. */
export class HistoryError extends Error {}

/**
 * Applies one change of an entity that keeps history, as src/apply/history-path.ts does it: adds it, replays
 * the history of its key and writes the state that follows.
 */
export function applyRecorded(target: Target, change: Change): 'merged' | 'conflict' {
  const { state, row, planted } = target;
  const stamp = stampOf(change);
  if (stamp === undefined) return 'merged';
  const stored = state.history.get(row);
  // What a lost site's change was made over can be lost too.
  if (stored !== undefined || !state.waived) checkStored(target, stored, change);
  const here = state.rows.get(row);
  const [made] = state.waived
    ? restored([{ change, stamp }], { row: here, history: stored ?? { changes: [] } })
    : [{ change, stamp }];
  const old = stored ?? unstored(target, made!);
  const history = added(target, old, made!);
  const before = replayed(target, old);
  const now = replayed(target, history);
  state.history.set(row, history);
  write(target, now);
  const conflicts = newConflicts(before.conflicts, now.conflicts);
  if (planted !== 'silent-conflict') record(target, { conflicts, history });
  return conflicts.length === 0 ? 'merged' : 'conflict';
}

/** What is known of a key without a history. */
function unstored({ state, row }: Target, first: Recorded): History {
  const [version, tombstone] = [state.rows.get(row), state.tombstones.get(row)];
  const known = {
    ...(version === undefined ? {} : { row: version }),
    ...(tombstone === undefined ? {} : { tombstone }),
  };
  const missing = unrecorded({ state: known, newest: undefined }, first);
  return missing === undefined ? { changes: [] } : withChange({ changes: [] }, missing);
}

function replayed({ sim, planted }: Target, history: History): Replayed {
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
function checkStored(target: Target, stored: History | undefined, change: Change = {}): void {
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
    const sim = model[Number(row.split('/')[0])]!;
    const rest = run(trimSteps(sim.policy, history, upTo), simFunction);
    if (rest === history) continue;
    trimmed += 1;
    const left = rest !== undefined && planted === 'no-last-image' ? withoutLast(rest) : rest;
    if (left === undefined) state.history.delete(row);
    else {
      state.history.set(row, left);
      checkStored({ sim, state, planted, row }, left);
    }
  }
  return trimmed;
}

function withoutLast({ base, changes }: History): History {
  const { last: _, ...rest } = base ?? {};
  return { base: rest, changes };
}
