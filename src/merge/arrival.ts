import { baseOf } from './replay.ts';
import { joinSets, mergeSet, setConflict } from './set.ts';
import { greatest } from './stamps.ts';
import type {
  Change,
  History,
  MergePolicy,
  Recorded,
  ReplayConflict,
  Replayed,
  RowVersion,
  Stamp,
} from './types.ts';

/*
 * Which conflicts a site records when changes of a key arrive at its history. Most are those that a replay has with
 * them and had not without them. A set needs more: the join of its tags does not depend on the order, so a replay can
 * come to the right set without ever seeing two writes at odds. A removal that is replayed after another site's
 * removal of the same element changes nothing; where additions win it leaves no tag either, and what adds the element
 * next finds it as its origin did. But by causality the site that added the element has it when the removal arrives:
 * so what arrives is held against what is here, as without history (src/merge/set.ts).
 */

/** What a site has of a key, what arrived, in the order in which it came, and the replays without and with it. */
export interface Arrival {
  old: History;
  arrived: readonly Recorded[];
  before: Replayed;
  now: Replayed;
}

/** The conflicts that have to be recorded when changes arrive. Pure; each is found at some site that has both sides. */
export function arrivalConflicts(policy: MergePolicy, arrival: Arrival): ReplayConflict[] {
  const { old, before, now } = arrival;
  const known = new Set(old.changes.map(({ stamp }) => stamp));
  const arrived = arrival.arrived.filter(({ stamp }) => !known.has(stamp));
  const fresh = newConflicts(before.conflicts, now.conflicts);
  return [
    ...fresh,
    ...arrived.flatMap((one) => overlooked({ before, now, fresh }, one)),
    ...setConflicts(policy, { ...arrival, arrived }),
  ];
}

/** Conflicts of a replay that an earlier one, without the newest change, did not have. */
export function newConflicts(
  before: readonly ReplayConflict[],
  now: readonly ReplayConflict[],
): ReplayConflict[] {
  const known = new Set(before.map(token));
  return now.filter((one) => !known.has(token(one)));
}

/**
 * Of a conflict about whole rows also what the row was that lost or might have: it may be another one now. Its values
 * too, since of a sum or a set other writes can be under the same stamp.
 */
function token(one: ReplayConflict): string {
  const { of, type, group, method, winner, localStamp, remoteStamp, met } = one;
  const row =
    type === 'update' || met === undefined ? [] : [...met.stamps, JSON.stringify(met.values)];
  return [of, type, group, method, winner, localStamp, remoteStamp, ...row].join(' ');
}

/**
 * An update of a row that is gone, which the replay took for one that the delete had seen: it left stamps and values
 * as they were, as a removal does of what somebody else has removed too, and another write has the greater stamp.
 */
function overlooked(
  { before, now, fresh }: Pick<Arrival, 'before' | 'now'> & { fresh: readonly ReplayConflict[] },
  { change, stamp }: Recorded,
): ReplayConflict[] {
  const birth = updatedBirth(change);
  if (birth === undefined) return [];
  const stands = [before, now].some(({ state, births }) => state.row && births.has(birth));
  if (stands) return [];
  const isNamed = fresh.some(
    ({ type, of, met }) => type !== 'update' && (of === stamp || met?.birth === birth),
  );
  if (isNamed) return [];
  const { row, tombstone } = now.state;
  return [
    {
      ...{ type: 'delete', method: 'delete-wins', winner: 'local' },
      ...{ localStamp: row?.birth ?? tombstone?.stamp ?? 0n, remoteStamp: stamp },
      reason: 'the row was deleted or lost its key without knowledge of the change',
      ...{ of: stamp, parked: false },
    },
  ];
}

/** The birth of the row that an update changed; undefined for an insert or a delete. */
function updatedBirth({ before, after }: Change): Stamp | undefined {
  return before?.birth === after?.birth ? after?.birth : undefined;
}

/** What each arriving change of a set and what is here, with what arrived before it, have against each other. */
function setConflicts(
  policy: MergePolicy,
  { old, before, now, arrived }: Arrival,
): ReplayConflict[] {
  if (policy.groups.every(({ set }) => set === undefined)) return [];
  const images = new Map<Stamp, RowVersion>();
  const rowOf = rowsOf(before, now);
  const { row } = before.state;
  if (row !== undefined) images.set(rowOf(row.birth), row);
  return arrived.flatMap(({ change, stamp }) => {
    const { after } = change;
    if (after === undefined) return [];
    const place = rowOf(after.birth);
    const isSame = (birth: Stamp): boolean => rowOf(birth) === place;
    const image = images.get(place) ?? imageOf(policy, old, isSame);
    const joined = join(policy, image, change);
    images.set(place, joined.image);
    return joined.conflicts.map((one) => ({ ...one, of: stamp, parked: false }));
  });
}

/** Of each birth the one that stands for its row: several inserts can have been merged into one. */
function rowsOf(before: Replayed, now: Replayed): (birth: Stamp) => Stamp {
  const [first] = [...before.births].some((birth) => now.births.has(birth))
    ? now.births
    : before.births;
  return (birth) => {
    if (now.births.has(birth)) return [...now.births][0]!;
    return before.births.has(birth) ? first! : birth;
  };
}

/**
 * The sets of a row that is not what the key is now, after all changes of it that a history has; values of other groups
 * are old ones. Such a row can still come back.
 */
function imageOf(
  policy: MergePolicy,
  history: History,
  isSame: (birth: Stamp) => boolean,
): RowVersion | undefined {
  const { row, last } = baseOf(history);
  let image = [row, last].find((one) => one !== undefined && isSame(one.birth));
  for (const { change } of history.changes) {
    if (change.after !== undefined && isSame(change.after.birth)) {
      image = join(policy, image, change).image;
    }
  }
  return image;
}

type Joined = { image: RowVersion; conflicts: Omit<ReplayConflict, 'of' | 'parked'>[] };

/** What a row is after a change that leaves it: the sets of both, the later values of other groups. */
function join(policy: MergePolicy, image: RowVersion | undefined, change: Change): Joined {
  const { before } = change;
  const after = change.after!;
  const joined: Joined = { image: after, conflicts: [] };
  if (image === undefined) return joined;
  if (before?.birth !== after.birth) {
    if (policy.onKeyClash === 'merge') joined.image = joinedInserts(policy, image, after);
    return joined;
  }
  joined.image = { ...image, stamps: [...image.stamps], values: [...image.values] };
  const { stamps } = joined.image;
  for (const [index, group] of policy.groups.entries()) {
    const [local, remote] = [stamps[index]!, after.stamps[index]!];
    if (group.set === undefined || before.stamps[index] === remote) continue;
    const lost = mergeSet({ group, before, after, result: joined.image });
    stamps[index] = greatest([local, remote]);
    const conflict = setConflict(group, lost, { local, remote });
    if (conflict !== undefined) joined.conflicts.push({ ...conflict, met: image });
  }
  return joined;
}

/** The sets of both; the record of the merge itself names what is lost. */
function joinedInserts(policy: MergePolicy, image: RowVersion, after: RowVersion): RowVersion {
  const birth = greatest([image.birth, after.birth]);
  const joined = { birth, stamps: [...image.stamps], values: [...image.values] };
  for (const group of policy.groups) {
    if (group.set !== undefined) joinSets(group, [image, after], joined);
  }
  return joined;
}
