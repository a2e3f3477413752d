import type { RowVersion } from '../../src/merge/types.ts';

/** A local transaction that was acknowledged to a service, as the oracle remembers it. */
export interface Acknowledged {
  site: number;
  position: bigint;
  /** What the site had really applied of every origin when the transaction ran. */
  known: ReadonlyMap<number, bigint>;
  writes: Write[];
}

/** What one statement did to one row. `row` is `<entity>/<key>`. */
export type Write =
  | { kind: 'insert'; row: string; after: RowVersion }
  | { kind: 'update'; row: string; before: RowVersion; after: RowVersion }
  | { kind: 'delete'; row: string; birth: bigint; stamp: bigint; before: RowVersion };

/** The places of the groups that an update changed. */
export function changedGroups(write: { before: RowVersion; after: RowVersion }): number[] {
  return write.after.stamps.flatMap((stamp, group) =>
    stamp === write.before.stamps[group] ? [] : [group],
  );
}

/** True if the first transaction was known where the second was made, or is an earlier one of its site. */
export function happenedBefore(one: Acknowledged, other: Acknowledged): boolean {
  if (one.site === other.site) return one.position < other.position;
  return (other.known.get(one.site) ?? 0n) >= one.position;
}

/** The stamps that a write made. */
export function stampsOf(write: Write): bigint[] {
  if (write.kind === 'delete') return [write.stamp];
  const before = write.kind === 'update' ? write.before : undefined;
  return write.after.stamps.filter((stamp, group) => stamp !== before?.stamps[group]);
}
