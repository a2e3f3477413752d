import type { DecodedBatch } from '../journal/batch.ts';
import { decodeChunk } from '../journal/batch.ts';
import type { Journal } from '../journal/journal.ts';
import { applyEntities, takeAll, takeCarefully } from './apply-fold.ts';
import type { FoldOutcome, Take } from './apply-fold.ts';
import type { BeaconNews } from './beacon.ts';
import { Fold } from './fold/fold.ts';
import { isIntegrityViolation } from './rows/integrity.ts';
import { writeProgress } from './progress.ts';
import { foldChunk } from './fold/read-batch.ts';
import type { ApplySession } from './session.ts';

/** Changes folded before they are written: bounds memory, whatever the transaction's size. */
const PIECE_CHANGES = 50_000;
const PIECE_BYTES = 24 * 1024 * 1024;

/** Where the chunks are, and who has to hear of the changes before they commit. */
export interface StreamWork {
  journal: Pick<Journal, 'flush' | 'chunks'>;
  announce: (news: BeaconNews) => Promise<void>;
}

/**
 * Applies one large transaction, which is in the journal as chunks, in one target transaction, piece by
 * piece.
 *
 * @throws Error when chunks are missing; the database's error
 */
export async function applyStream(
  session: ApplySession,
  batch: DecodedBatch,
  work: StreamWork,
): Promise<FoldOutcome> {
  try {
    return await attempt(session, batch, { ...work, take: takeAll });
  } catch (error) {
    if (!isIntegrityViolation(error)) throw error;
    return attempt(session, batch, { ...work, take: takeCarefully });
  }
}

async function attempt(
  session: ApplySession,
  batch: DecodedBatch,
  work: StreamWork & { take: Take },
): Promise<FoldOutcome> {
  await session.begin();
  try {
    const total = { conflicts: 0, parked: 0 };
    let maxStamp = 0n;
    for await (const fold of pieces(session, batch, work)) {
      const outcome = await applyEntities(session, { fold }, work.take);
      total.conflicts += outcome.conflicts;
      total.parked += outcome.parked;
      if (fold.maxStamp > maxStamp) maxStamp = fold.maxStamp;
    }
    const { origin, incarnation, last: position } = batch;
    await work.announce({ origin, incarnation, position, maxStamp });
    await session.client.query('SET LOCAL synchronous_commit = on');
    await writeProgress(session, { position }, origin);
    await session.commit();
    return total;
  } catch (error) {
    await session.rollback();
    throw error;
  }
}

async function* pieces(
  session: ApplySession,
  batch: DecodedBatch,
  work: StreamWork,
): AsyncGenerator<Fold> {
  const stream = batch.stream!;
  const aborted = new Set(stream.aborted);
  let fold = new Fold();
  let next = 0;
  // A batch is visible before it is stored; its chunks can be read once they are.
  await work.journal.flush();
  for (const chunk of work.journal.chunks(batch.origin, stream.xid, 0)) {
    if (chunk.number !== next || next === stream.chunks) break;
    next += 1;
    const { relations, offset } = decodeChunk(chunk.bytes);
    const plans = await session.catalog.plans(relations);
    foldChunk(fold, { bytes: chunk.bytes, offset }, { plans, aborted });
    if (fold.changes < PIECE_CHANGES && fold.bytes < PIECE_BYTES) continue;
    yield fold;
    fold = new Fold(fold);
  }
  if (next < stream.chunks) {
    throw new Error(`chunk ${next} of ${stream.chunks} of transaction ${stream.xid} is missing`);
  }
  yield fold;
}
