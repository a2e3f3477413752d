import { CHANGE } from '../../journal/batch.ts';
import type { DecodedBatch } from '../../journal/batch.ts';
import type { Fold } from './fold.ts';
import type { RelationPlan, UnknownPlan } from '../rows/relation.ts';

/**
 * Folds the transactions of a batch that come after a position, and not after `upTo`.
 *
 * @returns how many transactions were folded
 */
export function foldBatch(
  fold: Fold,
  batch: DecodedBatch,
  context: { plans: readonly (RelationPlan | UnknownPlan)[]; after: bigint; upTo?: bigint },
): number {
  const { bytes } = batch;
  const { upTo } = context;
  let transactions = 0;
  let skipping = false;
  let at = batch.offset;
  while (at < bytes.length) {
    const kind = bytes[at]!;
    const end = at + 5 + bytes.readUInt32BE(at + 1);
    if (kind === CHANGE.begin) {
      const position = bytes.readBigUInt64BE(at + 5);
      skipping = position <= context.after || (upTo !== undefined && position > upTo);
      if (!skipping) transactions += 1;
    } else if (!skipping) foldChange(fold, context.plans, { kind, bytes, at: at + 5 });
    at = end;
  }
  return transactions;
}

/** Folds the changes of a chunk, but those of subtransactions that were rolled back. */
export function foldChunk(
  fold: Fold,
  chunk: { bytes: Buffer; offset: number },
  context: {
    plans: readonly (RelationPlan | UnknownPlan)[];
    aborted: ReadonlySet<number>;
    /** Gets the subtransactions that have changes in the chunk. */
    seen?: Set<number>;
  },
): void {
  const { bytes } = chunk;
  let at = chunk.offset;
  let last = 0;
  while (at < bytes.length) {
    const xid = bytes.readUInt32BE(at);
    const kind = bytes[at + 4]!;
    const end = at + 9 + bytes.readUInt32BE(at + 5);
    if (xid !== last) context.seen?.add(xid);
    last = xid;
    if (!context.aborted.has(xid)) foldChange(fold, context.plans, { kind, bytes, at: at + 9 });
    at = end;
  }
}

function foldChange(
  fold: Fold,
  plans: readonly (RelationPlan | UnknownPlan)[],
  change: { kind: number; bytes: Buffer; at: number },
): void {
  const { kind, bytes, at } = change;
  const plan = plans[bytes.readUInt16BE(at)]!;
  if (plan.kind === 'unknown') return;
  if (kind === CHANGE.insert) fold.insert(plan, bytes, at + 2);
  else if (kind === CHANGE.update) fold.update(plan, bytes, at + 2);
  else if (kind === CHANGE.remove) fold.remove(plan, bytes, at + 2);
  else if (kind === CHANGE.updateNew && plan.kind === 'tombstone') {
    fold.updateWithoutOld(plan, bytes, at + 2);
  } else
    throw new Error(`a change of kind ${kind} cannot be applied: is REPLICA IDENTITY FULL set?`);
}
