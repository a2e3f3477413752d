import { EntityNet, holderOf, isBorn, isLeftIn } from './entity-net.ts';
import { keepsHistory } from '../rows/relation.ts';
import type { EntityPlan, RelationPlan, TombstonePlan } from '../rows/relation.ts';
import {
  completeTuple,
  hasUnchanged,
  keyOf,
  newFields,
  readTuple,
  withKey,
} from '../rows/tuple.ts';
import type { Fields, Key } from '../rows/tuple.ts';
import { KeyProbe } from '../rows/key-probe.ts';
import type { DeletedMark, TupleRef } from '../rows/net-rows.ts';

export type { DeletedMark, NetRow, TupleRef } from '../rows/net-rows.ts';

const OLD_FIELDS = newFields();
const NEW_FIELDS = newFields();
const PROBE = new KeyProbe();

/**
 * Folds consecutive transactions of one origin into their net effect per key, so that one target
 * transaction and a handful of set-based statements apply them (peers: GoldenGate's BATCHSQL groups but
 * then gives up conflict detection; here base stamps and before images survive the folding).
 *
 * Folding is exact: merging the net changes gives what merging the changes one by one gives. Changes of a
 * key are therefore folded only where each found what the one before it left. Where it found something
 * else, the origin has applied another site's change between the two, and it would be counted as the
 * origin's own (twice, if it is an addition): such a key has a second net change in `later`. So has one whose row was
 * inserted as it was made elsewhere (src/apply/settle/derive.ts; a parent restored): it may be there already, and a net
 * insert would say nothing of what was added since.
 */
export class Fold {
  /**
   * In the order to apply, by plan, or by a negative number for what is `later` than another. An entity
   * whose shape changed within a transaction has two plans.
   */
  readonly entities = new Map<number, EntityNet>();
  changes = 0;
  /** Bytes of tuples referred to: what the fold keeps in memory. */
  bytes = 0;
  /** Whether keys were deleted. */
  deletes = false;
  /** The greatest stamp seen. */
  maxStamp = 0n;

  #maxHigh = 0;
  readonly #tombstones = new Map<string, DeletedMark>();
  // Scratch space of one call; folds are made by the hundred a second.
  readonly #old: Fields = OLD_FIELDS;
  readonly #new: Fields = NEW_FIELDS;

  /** @param carried tombstones whose delete is in the next chunk of a streamed transaction */
  constructor(carried?: Fold) {
    for (const [key, mark] of carried?.pendingTombstones() ?? []) this.#tombstones.set(key, mark);
  }

  /** Tombstones that still wait for their delete. */
  pendingTombstones(): Iterable<[string, DeletedMark]> {
    return this.#tombstones;
  }

  /** Adds one insert. `offset` is that of TupleData(new). @returns where that ends; so do the others */
  insert(plan: RelationPlan, bytes: Buffer, offset: number): number {
    const end = readTuple(bytes, offset, this.#new);
    this.#count(end - offset);
    if (plan.kind === 'tombstone') this.#tombstone(plan, bytes);
    else this.#insertRow(this.#netOf(plan), { bytes, offset });
    return end;
  }

  /** Adds one update; `offset` is that of TupleData(old), which TupleData(new) follows. */
  update(plan: RelationPlan, bytes: Buffer, offset: number): number {
    const newOffset = readTuple(bytes, offset, this.#old);
    const end = readTuple(bytes, newOffset, this.#new);
    this.#count(end - offset);
    const before = { bytes, offset };
    const after = withKey(plan.key, this.#new, { before, after: { bytes, offset: newOffset } });
    if (plan.kind === 'tombstone') {
      this.#tombstone(plan, after.bytes);
      return end;
    }
    const net = this.#netOf(plan);
    if (this.#sameKey(plan, before.bytes, after.bytes)) this.#updateRow(net, { before, after });
    else this.#changeKey(net, { before, after });
    return end;
  }

  /** A tombstone that was there already is changed by a later delete; only its new tuple matters. */
  updateWithoutOld(plan: TombstonePlan, bytes: Buffer, offset: number): number {
    const end = readTuple(bytes, offset, this.#new);
    this.#count(end - offset);
    this.#tombstone(plan, bytes);
    return end;
  }

  /** Adds one delete; `offset` is that of TupleData(old). */
  remove(plan: RelationPlan, bytes: Buffer, offset: number): number {
    const end = readTuple(bytes, offset, this.#old);
    this.#count(end - offset);
    if (plan.kind !== 'tombstone') this.#removeRow(this.#netOf(plan), { bytes, offset });
    return end;
  }

  #count(bytes: number): void {
    this.changes += 1;
    this.bytes += bytes;
  }

  #netOf(plan: EntityPlan): EntityNet {
    let net = this.entities.get(plan.id);
    if (net === undefined) {
      net = new EntityNet(plan);
      this.entities.set(plan.id, net);
    }
    return net;
  }

  /** The net that is applied after this one. */
  #after(net: EntityNet): EntityNet {
    if (net.later === undefined) {
      net.later = new EntityNet(net.plan);
      this.entities.set(-this.entities.size, net.later);
    }
    return net.later;
  }

  #insertRow(first: EntityNet, after: TupleRef): void {
    this.#noteStamps(first.plan, after.bytes);
    const inserted = { before: undefined, after, key: after };
    if (keepsHistory(first.plan)) {
      first.rows.append(inserted);
      return;
    }
    const probe = PROBE.set(after.bytes, this.#new, first.plan.key);
    const net = holderOf(first, probe);
    let row = net.rows.find(probe);
    let { rows } = net;
    if (row >= 0 && rows.after(row) === undefined) rows.setAfter(row, after);
    else {
      if (row >= 0) rows = this.#after(net).rows;
      row = rows.add(probe, inserted);
    }
    if (!isBorn(first.plan, after.bytes, this.#new)) rows.close(row);
  }

  #updateRow(first: EntityNet, change: { before: TupleRef; after: TupleRef }): void {
    const { before, after } = change;
    this.#noteStamps(first.plan, after.bytes);
    const updated = { before, after, key: after };
    if (keepsHistory(first.plan)) {
      first.rows.append(updated);
      return;
    }
    const probe = PROBE.set(after.bytes, this.#new, first.plan.key);
    const net = holderOf(first, probe);
    const row = net.rows.find(probe);
    if (!isLeftIn(net, row, before)) {
      (row < 0 ? net : this.#after(net)).rows.add(probe, updated);
      return;
    }
    const complete = hasUnchanged(after.bytes, after.offset)
      ? { bytes: completeTuple(after, before), offset: 0 }
      : after;
    net.rows.setAfter(row, complete);
  }

  #removeRow(first: EntityNet, before: TupleRef): void {
    const probe = PROBE.set(before.bytes, this.#old, first.plan.key);
    let net = holderOf(first, probe);
    let row = net.rows.find(probe);
    const removed = { before, after: undefined, key: before };
    if (keepsHistory(first.plan)) {
      row = first.rows.append(removed);
    } else if (!isLeftIn(net, row, before)) {
      if (row >= 0) net = this.#after(net);
      row = net.rows.add(probe, removed);
    }
    net.rows.setAfter(row, undefined);
    if (this.#tombstones.size === 0) return;
    const key = keyOf(before.bytes, this.#old, net.plan.key);
    const pending = pendingKey(net.plan.shape.entity.name, key);
    const mark = this.#tombstones.get(pending);
    if (mark !== undefined) net.rows.setDeleted(row, mark, before);
    this.#tombstones.delete(pending);
  }

  /** A key update is a delete and an insert (design §5); its tombstone is in the same transaction. */
  #changeKey(net: EntityNet, change: { before: TupleRef; after: TupleRef }): void {
    this.#removeRow(net, change.before);
    const { bytes, offset } = change.after;
    if (!hasUnchanged(bytes, offset)) {
      this.#insertRow(net, change.after);
      return;
    }
    const complete = completeTuple(change.after, change.before);
    readTuple(complete, 0, this.#new);
    this.#insertRow(net, { bytes: complete, offset: 0 });
  }

  #sameKey(plan: EntityPlan, before: Buffer, after: Buffer): boolean {
    for (const field of plan.key) {
      const length = this.#new[2 * field + 1]!;
      if (length !== this.#old[2 * field + 1]!) return false;
      const next = this.#new[2 * field]!;
      const old = this.#old[2 * field]!;
      for (let i = 0; i < length; i++) if (after[next + i] !== before[old + i]) return false;
    }
    return true;
  }

  /** A tombstone comes right before its delete, in the same transaction; it waits for it here. */
  #tombstone(plan: TombstonePlan, bytes: Buffer): void {
    this.deletes = true;
    const { name } = plan.entity;
    const key = keyOf(bytes, this.#new, plan.key);
    const birth = bytes.readBigInt64BE(this.#new[2 * plan.birth]!);
    const stamp = bytes.readBigInt64BE(this.#new[2 * plan.stamp]!);
    if (stamp > this.maxStamp) this.#raise(stamp);
    this.#tombstones.set(pendingKey(name, key), { birth, stamp });
  }

  /** Compares high words first: BigInt only when a stamp may be the greatest so far. */
  #noteStamps(plan: EntityPlan, bytes: Buffer): void {
    for (const field of plan.stamps) {
      const at = this.#new[2 * field]!;
      if (bytes.readInt32BE(at) < this.#maxHigh) continue;
      const stamp = bytes.readBigInt64BE(at);
      if (stamp > this.maxStamp) this.#raise(stamp);
    }
  }

  #raise(stamp: bigint): void {
    this.maxStamp = stamp;
    this.#maxHigh = Number(stamp >> 32n);
  }
}

function pendingKey(entity: string, key: Key): string {
  return `${entity}\0${key}`;
}
