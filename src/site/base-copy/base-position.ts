import { transactionsOf } from '../../journal/batch-body.ts';
import type { Journal } from '../../journal/journal.ts';
import { readPositions } from '../../repair/positions.ts';
import type { PositionSource } from '../../repair/positions.ts';

/**
 * Position of the last transaction of this site that a snapshot has. It stands for the snapshot where members
 * compare how far they are: the point at which a slot exported it lies behind, where no transaction ends, and nobody
 * else ever gets that far before this site writes again.
 *
 * @param source the giving site
 * @param range `after`: a position of the journal from before the snapshot was taken; `end`: the slot's consistent point
 * @throws AppError VERIFY_CAPTURE when capture does not get past the snapshot
 */
export async function lastPosition(
  source: PositionSource & { journal: Journal },
  range: { after: bigint; end: bigint },
  signal: AbortSignal,
): Promise<bigint> {
  await readPositions(source, signal);
  const { journal, site } = source;
  const goal = journal.position(site.number);
  let last = range.after;
  if (last >= goal) return last;
  for await (const entry of journal.follow(site.number, range.after, { signal })) {
    if (entry.kind !== 'batch') continue;
    for (const position of transactionsOf(entry.batch)) {
      if (position > last && position <= range.end) last = position;
    }
    if (entry.batch.last >= goal) break;
  }
  return last;
}
