import { decide } from './decide.ts';
import type { Asking, Decision } from './decide.ts';
import { mergeGroup } from './merge-group.ts';
import { joinSets } from './set.ts';
import { greatest } from './stamps.ts';
import type { GroupPolicy, MergePolicy, RowVersion, Value } from './types.ts';

/** A row that two inserts of its key have made, and the groups of it that wait for an operator. */
export interface MergedInserts {
  row: RowVersion;
  parked: { index: number; decision: Decision }[];
}

/**
 * Merges an insert into the row that stands, which its origin did not see: each column group by its own method, with
 * no value that both sides saw. What is in one of them only is kept whatever the method is: a group that is NULL in one
 * comes from the other. Sums have what both began with; sets the elements of both. The row's birth is the later one.
 */
export function* mergeInserts(
  policy: MergePolicy,
  row: RowVersion,
  after: RowVersion,
): Asking<MergedInserts> {
  const birth = greatest([row.birth, after.birth]);
  const result = { birth, stamps: [...row.stamps], values: [...row.values] };
  const parked: MergedInserts['parked'] = [];
  for (const [index, group] of policy.groups.entries()) {
    const decision = yield* groupOfInserts({ index, group, row, after, result });
    if (decision?.parked === true) parked.push({ index, decision });
  }
  return { row: result, parked };
}

/**
 * Whether a row is as its insert left it. The image of a later change in its place (docs/convergence.md, "Sites that are
 * lost for good") has what its site knew of the key, and is not merged: what both have would count twice.
 */
export function isAsInserted({ birth, stamps }: RowVersion): boolean {
  // 0: of a group that the origin's revision of the model lacks.
  return stamps.every((stamp) => stamp === birth || stamp === 0n);
}

interface InsertedGroup {
  index: number;
  group: GroupPolicy;
  row: RowVersion;
  after: RowVersion;
  result: RowVersion;
}

function* groupOfInserts(work: InsertedGroup): Asking<Decision | undefined> {
  const { index, group, row, after, result } = work;
  const [current, incoming] = [row.stamps[index]!, after.stamps[index]!];
  if (group.set !== undefined) {
    joinSets(group, [row, after], result);
    result.stamps[index] = greatest([current, incoming]);
  } else if (current === incoming || isNull(group, after)) return undefined;
  else if (isNull(group, row)) {
    write(work, valuesOf(group, after));
    result.stamps[index] = incoming;
  } else if (group.method === 'ordered') return yield* decided(work);
  else mergeGroup({ index, group, before: nothing(row), after, result }, []);
  return undefined;
}

function* decided(work: InsertedGroup): Asking<Decision> {
  const { index, group, row, after, result } = work;
  const decision = yield* decide({ index, group, before: undefined, current: row, after });
  if (decision.winner === 'local') return decision;
  write(work, decision.values ?? valuesOf(group, after));
  result.stamps[index] = greatest([row.stamps[index]!, after.stamps[index]!]);
  return decision;
}

function write({ group, result }: InsertedGroup, values: readonly Value[]): void {
  for (const [at, column] of group.columns.entries()) result.values[column] = values[at]!;
}

function valuesOf(group: GroupPolicy, { values }: RowVersion): Value[] {
  return group.columns.map((column) => values[column]!);
}

/** What both sides saw of the key: what an insert has is all its own, and a sum that of both. */
function nothing({ stamps, values }: RowVersion): RowVersion {
  return { birth: 0n, stamps: stamps.map(() => 0n), values: values.map(() => null) };
}

function isNull(group: GroupPolicy, row: RowVersion): boolean {
  return valuesOf(group, row).every((value) => value === null);
}
