import type { DatabaseState } from './database.ts';
import { changedGroups, happenedBefore } from './ledger.ts';
import type { Write } from './ledger.ts';
import type { SimEntity } from './model.ts';
import type { Made, Wanted } from './oracle.ts';
import { wasOverFor } from './oracle-expiry.ts';
import { lostElements, onlyRemoves } from './oracle-sets.ts';
import { Violation } from './violation.ts';

/**
 * Every write is in the end state, or a write that was made with knowledge of it replaced it, or some
 * site recorded a conflict that names it.
 */
export function checkNothingLost(
  sim: SimEntity,
  end: {
    row: string;
    made: readonly Made[];
    wanted: Wanted;
    states: readonly DatabaseState[];
    /** A site was lost, or has left, before it could record what it would have. */
    lossy: boolean;
  },
): void {
  const { row, made, wanted, states, lossy } = end;
  const records = states.flatMap((state) => state.conflicts.get(row) ?? []);
  for (const one of made) {
    if (one.write.kind === 'delete') continue;
    const birth = one.write.after.birth;
    const groups =
      one.write.kind === 'insert'
        ? sim.policy.groups.map((_, group) => group)
        : changedGroups(one.write);
    for (const group of groups) {
      const stamp = one.write.after.stamps[group]!;
      const alive = wanted.row !== undefined && wanted.births.has(birth);
      const policy = sim.policy.groups[group]!;
      const { method, columns } = policy;
      if (alive && policy.set !== undefined) {
        const end = { row: wanted.row!, births: wanted.births };
        const parts = { group: policy, place: group, one, end, lossy };
        const [lost] = lostElements(parts, made, records);
        if (lost === undefined) continue;
        // Of two inserts that were merged the record has both rows whole.
        const isWhole = one.write.kind === 'insert' && wanted.births.size > 1;
        if (isWhole && records.some((named) => named.has(-birth))) continue;
        throw new Violation(
          `the write of "${lost}" in group ${group} of row ${row} with stamp ${stamp} by site ` +
            `${one.by.site} was lost without a record`,
        );
      }
      const { values } = one.write.after;
      const there = columns.every((place) => values[place] === wanted.row?.values[place]);
      if (alive && (method === 'additive' || there)) continue;
      if (made.some((other) => replaces(other, one, { group, births: wanted.births }))) continue;
      const joins =
        method === 'additive' || policy.orders !== undefined || policy.set !== undefined;
      const names = joins ? [stamp, -birth] : [stamp];
      if (records.some((named) => names.some((name) => named.has(name)))) continue;
      if (!alive && wasOverFor(sim, one, made)) continue;
      // Where somebody else's removal hides this one, only the site of the delete can tell.
      if (lossy && policy.method === 'add-wins' && onlyRemoves(policy, one.write)) continue;
      throw new Violation(
        `the write of group ${group} of row ${row} with stamp ${stamp} by site ${one.by.site} ` +
          `was lost without a record`,
      );
    }
  }
}

/** True if the other write replaced the group's value knowing of it. */
function replaces(
  other: Made,
  one: Made,
  { group, births }: { group: number; births: ReadonlySet<bigint> },
): boolean {
  if (other === one) return false;
  const known = other.by === one.by || happenedBefore(one.by, other.by);
  if (!known || one.write.kind === 'delete') return false;
  if (other.write.kind !== 'update') return other.write !== one.write && isLater(other, one);
  const [mine, theirs] = [one.write.after.birth, other.write.after.birth];
  return (
    (mine === theirs || (births.has(mine) && births.has(theirs))) &&
    changedGroups(other.write).includes(group) &&
    other.write.after.stamps[group]! > one.write.after.stamps[group]!
  );
}

/** Inside one transaction the stamps tell which came later. */
function isLater(other: Made, one: Made): boolean {
  if (other.by !== one.by) return true;
  const stamp = (write: Write): bigint =>
    write.kind === 'delete' ? write.stamp : write.after.stamps.reduce((a, b) => (a > b ? a : b));
  return stamp(other.write) > stamp(one.write);
}
