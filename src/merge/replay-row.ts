import { decide } from './decide.ts';
import type { Asking } from './decide.ts';
import { latestTombstone } from './merge.ts';
import { mergeGroup } from './merge-group.ts';
import { isAsInserted, mergeInserts } from './merge-inserts.ts';
import { clashConflict, groupConflict, mergedConflict, METHOD_OF_RULE } from './replay-conflict.ts';
import { greatest } from './stamps.ts';
import type {
  Change,
  Conflict,
  MergePolicy,
  Recorded,
  ReplayBase,
  ReplayConflict,
  Replayed,
  RowVersion,
  Stamp,
  Tombstone,
  Value,
} from './types.ts';

/** One key while its changes are replayed. */
export class Replay {
  readonly #policy: MergePolicy;
  readonly #conflicts: ReplayConflict[] = [];
  #row: RowVersion | undefined;
  #tombstone: Tombstone | undefined;
  #last: RowVersion | undefined;
  /** Of what the row, or `#last`, was made. */
  #births: Set<Stamp>;
  /** The row stands although somebody has deleted it, who may have inserted the key anew. */
  #outlived = false;

  constructor(policy: MergePolicy, base: ReplayBase) {
    this.#policy = policy;
    this.#row = base.row;
    this.#tombstone = base.tombstone;
    this.#last = base.last;
    const known = base.row ?? base.last;
    this.#births = new Set(known && [known.birth]);
  }

  *add({ change, stamp }: Recorded): Asking<void> {
    if (change.deleted !== undefined) this.#delete(change, change.deleted);
    if (change.after === undefined) return;
    const same = change.before?.birth === change.after.birth ? change.before : undefined;
    if (same === undefined) yield* this.#insert(change.after, stamp);
    else yield* this.#update({ before: same, after: change.after, stamp });
  }

  end(): Replayed {
    const state = {
      ...(this.#row === undefined ? {} : { row: this.#row }),
      ...(this.#tombstone === undefined ? {} : { tombstone: this.#tombstone }),
    };
    const last = this.#row === undefined && this.#last !== undefined ? { last: this.#last } : {};
    const [births, outlived] = [this.#births, this.#outlived];
    return { state, ...last, births, outlived, conflicts: this.#conflicts };
  }

  #note(of: Stamp, conflict: Conflict, parked = false): void {
    const met = this.#row === undefined ? {} : { met: this.#row };
    this.#conflicts.push({ ...conflict, of, parked, ...met });
  }

  /** A delete ends the incarnation that its origin saw, and no other; merged inserts are one. */
  #delete({ before }: Change, deleted: Tombstone): void {
    const row = this.#row;
    if (row === undefined || before === undefined || !this.#births.has(before.birth)) {
      const older = row === undefined || deleted.birth < row.birth;
      if (older) this.#tombstone = latestTombstone(this.#tombstone, deleted);
      return;
    }
    const unseen = this.#unseen(row, before);
    const rule = this.#policy.onDeleteUpdate ?? 'delete';
    const stays = unseen !== undefined && (rule === 'update' || rule === 'park');
    if (unseen !== undefined) {
      const words = {
        method: METHOD_OF_RULE[rule],
        winner: stays ? ('local' as const) : ('remote' as const),
        reason: stays
          ? 'the delete was made without knowledge of a change, and the row stays'
          : 'the row was deleted at the origin without knowledge of the local change',
      };
      const stamps = { localStamp: row.stamps[unseen]!, remoteStamp: deleted.stamp };
      const group = this.#policy.groups[unseen]!.name;
      this.#note(deleted.stamp, { type: 'delete', group, ...words, ...stamps }, rule === 'park');
    }
    this.#outlived ||= stays;
    if (stays) return;
    this.#last = row;
    this.#row = undefined;
    const { birth } = row;
    this.#tombstone = latestTombstone(this.#tombstone, { ...deleted, birth });
  }

  /** The first group that is not as the origin saw it. */
  #unseen(row: RowVersion, before: RowVersion): number | undefined {
    const index = this.#policy.groups.findIndex((_, group) => !this.#asSeen(group, row, before));
    return index < 0 ? undefined : index;
  }

  #asSeen(group: number, row: RowVersion, before: RowVersion): boolean {
    return (
      row.stamps[group] === before.stamps[group] &&
      this.#policy.groups[group]!.columns.every(
        (place) => row.values[place] === before.values[place],
      )
    );
  }

  /** In the order of stamps a new incarnation is always the later one. An image can be younger than its birth. */
  *#insert(after: RowVersion, stamp: Stamp): Asking<void> {
    const row = this.#row;
    const rule = this.#policy.onKeyClash;
    const merges = rule === 'merge' && !this.#outlived && isAsInserted(after);
    if (row !== undefined && merges) return yield* this.#merge(row, { after, stamp });
    const stays = row !== undefined && rule === 'earliest';
    if (row !== undefined) this.#noteClash(stamp, { row, birth: after.birth, stays });
    if (stays) return;
    this.#row = after;
    this.#births = new Set([after.birth]);
    this.#outlived = false;
    this.#last = undefined;
    if (this.#tombstone !== undefined && this.#tombstone.birth >= after.birth) {
      this.#tombstone = undefined;
    }
  }

  /** The values of both are in the record: a method may have kept one of a group only. */
  *#merge(row: RowVersion, { after, stamp }: { after: RowVersion; stamp: Stamp }): Asking<void> {
    const merged = yield* mergeInserts(this.#policy, row, after);
    this.#births.add(after.birth);
    this.#note(stamp, mergedConflict(row, after));
    for (const { index, decision } of merged.parked) {
      this.#note(
        stamp,
        groupConflict(this.#policy.groups[index]!, { index, row, after, decision }),
        true,
      );
    }
    this.#row = merged.row;
  }

  #noteClash(of: Stamp, clash: { row: RowVersion; birth: Stamp; stays: boolean }): void {
    this.#note(of, clashConflict(this.#policy, clash));
  }

  *#update(change: { before: RowVersion; after: RowVersion; stamp: Stamp }): Asking<void> {
    const { after, stamp } = change;
    const row = this.#row;
    const known = this.#births.has(after.birth);
    if (row !== undefined && known) this.#row = yield* this.#groups(row, change);
    else if (row !== undefined) {
      this.#noteClash(stamp, { row, birth: after.birth, stays: true });
    } else if (this.#last !== undefined && known) yield* this.#afterDelete(this.#last, change);
    else {
      this.#note(stamp, {
        ...{ type: 'delete', method: 'delete-wins', winner: 'local' },
        localStamp: this.#tombstone?.stamp ?? 0n,
        remoteStamp: stamp,
        reason: 'the row that was changed had lost its key before, or was deleted',
      });
    }
  }

  /** An update that had not seen the delete, which has the smaller stamp. */
  *#afterDelete(
    last: RowVersion,
    change: { before: RowVersion; after: RowVersion; stamp: Stamp },
  ): Asking<void> {
    const { stamp } = change;
    const rule = this.#policy.onDeleteUpdate ?? 'delete';
    const returns = rule !== 'delete';
    this.#note(
      stamp,
      {
        ...{ type: 'delete', method: METHOD_OF_RULE[rule], winner: returns ? 'remote' : 'local' },
        localStamp: this.#tombstone?.stamp ?? 0n,
        remoteStamp: stamp,
        reason: returns
          ? 'the row was deleted without knowledge of the change, and comes back'
          : 'the row was deleted without knowledge of the change',
      },
      rule === 'park',
    );
    if (!returns) return;
    this.#row = yield* this.#groups(last, change);
    this.#outlived = true;
    this.#last = undefined;
    this.#tombstone = undefined;
  }

  *#groups(
    row: RowVersion,
    change: { before: RowVersion; after: RowVersion; stamp: Stamp },
  ): Asking<RowVersion> {
    const { before, after, stamp } = change;
    const result = { birth: row.birth, stamps: [...row.stamps], values: [...row.values] };
    for (const [index, group] of this.#policy.groups.entries()) {
      if (before.stamps[index] === after.stamps[index]) continue;
      if (group.method === 'ordered') {
        yield* this.#orderedGroup(index, { row, result, change });
        continue;
      }
      const conflicts: Conflict[] = [];
      mergeGroup({ index, group, before, after, result }, conflicts);
      // Of sets what is lost shows when a change arrives (src/merge/arrival.ts), not in the order of stamps.
      if (group.set !== undefined) continue;
      for (const conflict of conflicts) this.#note(stamp, conflict);
    }
    return result;
  }

  *#orderedGroup(
    index: number,
    work: {
      row: RowVersion;
      result: RowVersion;
      change: { before: RowVersion; after: RowVersion; stamp: Stamp };
    },
  ): Asking<void> {
    const { row, result, change } = work;
    const { before, after, stamp } = change;
    const group = this.#policy.groups[index]!;
    const take = (values: readonly Value[]): void => {
      for (const [at, place] of group.columns.entries()) result.values[place] = values[at]!;
    };
    const theirs = group.columns.map((place) => after.values[place]!);
    const [current, incoming] = [row.stamps[index]!, after.stamps[index]!];
    if (this.#asSeen(index, row, before)) {
      take(theirs);
      result.stamps[index] = incoming;
      return;
    }
    const decision = yield* decide({ index, group, before, current: row, after });
    const { winner, parked = false } = decision;
    if (winner !== 'local') {
      take(winner === 'remote' ? theirs : decision.values!);
      result.stamps[index] = winner === 'remote' ? incoming : greatest([current, incoming]);
    }
    this.#note(stamp, groupConflict(group, { index, row, after, decision }), parked);
  }
}
