import type { RowVersion } from '../../src/merge/types.ts';
import type { DatabaseState, Removed } from './database.ts';
import { happenedBefore } from './ledger.ts';
import type { SimEntity } from './model.ts';
import type { Made } from './oracle.ts';
import { microsOf } from './times.ts';
import { Violation } from './violation.ts';

/*
 * What may be different where rows expire. A site that removed a row removed the very version that is the end of all
 * writes, and it was over by the site's clock: what came later would have brought the row back.
 */

/** When a row is over, in µs since 2020; undefined if never. */
export function endOf({ entity, policy }: SimEntity, row: RowVersion): bigint | undefined {
  const time = microsOf(row.values[policy.expires!.value]!);
  return time === undefined ? undefined : time + BigInt(entity.expires!.grace * 1_000_000);
}

/** @throws Violation when a row is removed whose time is not over by the clock of its site */
export function checkOver(sim: SimEntity, removed: Removed & { id: string }): void {
  const end = endOf(sim, removed.row);
  if (end !== undefined && end < removed.clock) return;
  throw new Violation(`row ${removed.id} was removed before its time`);
}

/** The row that a site has, or has removed if one must be there. */
export function rowOrRemoved(
  state: DatabaseState,
  id: string,
  wanted: RowVersion | undefined,
): RowVersion | undefined {
  return state.rows.get(id) ?? (wanted === undefined ? undefined : state.removed.get(id)?.row);
}

/**
 * Whether a write may be lost without a record: it left a row, or a later one that knew of it did, that was over when a
 * row of the key was inserted without knowledge of it.
 */
export function wasOverFor(sim: SimEntity, one: Made, made: readonly Made[]): boolean {
  if (sim.policy.expires === undefined || one.write.kind === 'delete') return false;
  const { birth } = one.write.after;
  return made.some(({ write, by }) => {
    if (write.kind === 'delete' || write.after.birth !== birth) return false;
    if (by !== one.by && !happenedBefore(one.by, by)) return false;
    const end = endOf(sim, write.after);
    if (end === undefined) return false;
    return made.some(
      ({ write: other }) =>
        other.kind !== 'delete' && other.after.birth > birth && other.after.birth >> 11n >= end,
    );
  });
}
