import { batchDamaged, CHANGE } from '../../journal/batch.ts';
import type { DecodedBatch } from '../../journal/batch.ts';
import type { Fold } from './fold.ts';
import type { RelationPlan, UnknownPlan } from '../rows/relation.ts';

/**
 * Folds the transactions of a batch that come after a position, and not after `upTo`.
 *
 * @returns how many transactions were folded
 * @throws AppError BATCH_DAMAGED; the fold is of no use then
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
    } else if (!skipping) foldWhole(fold, context.plans, { kind, bytes, at: at + 5, end });
    at = end;
  }
  return transactions;
}

/**
 * Folds the changes of a chunk, but those of subtransactions that were rolled back.
 *
 * @throws AppError BATCH_DAMAGED; the fold is of no use then
 */
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
    if (!context.aborted.has(xid)) {
      foldWhole(fold, context.plans, { kind, bytes, at: at + 9, end });
    }
    at = end;
  }
}

/** One change, from `at` to `end`: with its rows anywhere else they would be made of the bytes of others. */
function foldWhole(
  fold: Fold,
  plans: readonly (RelationPlan | UnknownPlan)[],
  change: { kind: number; bytes: Buffer; at: number; end: number },
): void {
  let end: number;
  try {
    end = foldChange(fold, plans, change);
  } catch (error) {
    // What is read lies beyond the bytes that there are, or is of a relation that is not in the batch.
    if (error instanceof RangeError || error instanceof TypeError) throw notWhole(error);
    throw error;
  }
  if (end !== change.end) throw notWhole();
}

function notWhole(cause?: unknown): Error {
  return batchDamaged('a change of it has other rows than its relation', cause);
}

/** @returns where its rows end */
function foldChange(
  fold: Fold,
  plans: readonly (RelationPlan | UnknownPlan)[],
  { kind, bytes, at, end }: { kind: number; bytes: Buffer; at: number; end: number },
): number {
  const plan = plans[bytes.readUInt16BE(at)]!;
  if (plan.kind === 'unknown') return end;
  if (kind === CHANGE.insert) return fold.insert(plan, bytes, at + 2);
  if (kind === CHANGE.update) return fold.update(plan, bytes, at + 2);
  if (kind === CHANGE.remove) return fold.remove(plan, bytes, at + 2);
  if (kind === CHANGE.updateNew && plan.kind === 'tombstone') {
    return fold.updateWithoutOld(plan, bytes, at + 2);
  }
  throw new Error(`a change of kind ${kind} cannot be applied: is REPLICA IDENTITY FULL set?`);
}
