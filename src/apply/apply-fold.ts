import type { ApplySession } from './session.ts';
import { isIntegrityViolation } from './rows/integrity.ts';
import type { EntityNet } from './fold/entity-net.ts';
import type { NetRow } from './fold/fold.ts';
import type { PendingFold } from './fold/pending.ts';
import { writeProgress } from './progress.ts';
import { keepsHistory } from './rows/relation.ts';

/** What one apply transaction did. */
export interface FoldOutcome {
  conflicts: number;
  parked: number;
}

export interface FoldCommit {
  origin: number;
  /** Settles when the beacon is in the WAL; awaited right before the commit. */
  announced: Promise<void>;
}

const NOTHING: FoldOutcome = { conflicts: 0, parked: 0 };

/**
 * Applies a fold and the origin's progress in one transaction, so that a transaction's effect and the
 * note that it was applied are one (exactly once). Three ways, each falling back to the next:
 *
 * 1. one statement, for a few changes of one kind and entity;
 * 2. set-based statements an entity, then merge for what they left;
 * 3. the same under savepoints, when a row violates a constraint: the set is halved until the rows that
 *    cannot be written stand alone, and merge decides about them.
 *
 * Entities that keep history have a way of their own: their changes are replayed.
 */
export async function applyFold(
  session: ApplySession,
  pending: PendingFold,
  commit: FoldCommit,
): Promise<FoldOutcome> {
  if (await appliedQuickly(session, pending, commit)) return NOTHING;
  try {
    return await inTransaction(session, pending, { ...commit, take: takeAll });
  } catch (error) {
    if (!isIntegrityViolation(error)) throw error;
    return inTransaction(session, pending, { ...commit, take: takeCarefully });
  }
}

async function appliedQuickly(
  session: ApplySession,
  pending: PendingFold,
  commit: FoldCommit,
): Promise<boolean> {
  const { entities } = pending.fold;
  if (entities.size !== 1) return false;
  const [net] = entities.values();
  if (net === undefined || net.rows.size === 0 || keepsHistory(net.plan)) return false;
  // It is too large, and may be staged ahead in a transaction that is open.
  if (net.copy !== undefined) return false;
  if (session.orphans.watches(net.plan.shape.entity)) return false;
  await commit.announced;
  return session.fast.takeQuickly(net, { origin: commit.origin, position: pending.position });
}

/** Applies one entity's net changes and returns the rows that merge has to decide about. */
export type Take = (session: ApplySession, net: EntityNet) => Promise<NetRow[]>;

async function inTransaction(
  session: ApplySession,
  pending: PendingFold,
  commit: FoldCommit & { take: Take },
): Promise<FoldOutcome> {
  await session.begin();
  try {
    const outcome = await applyEntities(session, pending, commit.take, commit.announced);
    await commit.announced;
    await writeProgress(session, pending, commit.origin);
    await session.commit();
    return outcome;
  } catch (error) {
    await session.rollback();
    throw error;
  }
}

/**
 * Applies all entities of a fold inside the caller's transaction.
 *
 * @param announced settles when local writes are stamped after what is applied; merge waits for it, since a local insert
 *   may have to wait for a key that is deleted again, and gets its stamp before
 */
export async function applyEntities(
  session: ApplySession,
  pending: Pick<PendingFold, 'fold'>,
  take: Take,
  announced?: Promise<void>,
): Promise<FoldOutcome> {
  const total = { ...NOTHING };
  const { orphans } = session;
  const watched = [...pending.fold.entities.values()].filter(
    ({ plan, rows }) => rows.size > 0 && orphans.watches(plan.shape.entity),
  );
  const deleted = await orphans.deletedBy(session.slowTable, watched);
  for (const net of inOneOrder(pending.fold.entities.values())) {
    const replayed = keepsHistory(net.plan);
    const left = replayed ? [...net.rows.values()] : await take(session, net);
    if (left.length === 0) continue;
    await announced;
    const outcome = await session[replayed ? 'history' : 'slow'].resolve(net.plan, left);
    total.conflicts += outcome.conflicts;
    total.parked += outcome.parked;
  }
  await orphans.note(watched, deleted);
  return total;
}

/**
 * By name, so that two appliers lock the tables in the same order: were they to wait for each other, the one
 * that is rolled back could be a service that waits for one of the rows, too.
 */
function inOneOrder(nets: Iterable<EntityNet>): EntityNet[] {
  const name = ({ plan }: EntityNet): string => plan.shape.entity.tombstone;
  return [...nets].toSorted((one, other) =>
    name(one) < name(other) ? -1 : Number(name(one) !== name(other)),
  );
}

/** The set-based path; an integrity violation of any row fails the whole transaction. */
export const takeAll: Take = (session, net) => session.fast.take(net);

/** As `takeAll`, but finds the rows that violate a constraint and leaves only them. */
export const takeCarefully: Take = async (session, net) => {
  await session.fast.stage(net);
  return takeHalving(session, { net, lo: 0, hi: net.rows.size - 1 });
};

interface Part {
  net: EntityNet;
  lo: number;
  hi: number;
}

async function takeHalving(session: ApplySession, part: Part): Promise<NetRow[]> {
  const { client, fast } = session;
  await client.query('SAVEPOINT crp_part');
  try {
    const left = await fast.takeStaged(part.net.plan, part.net.rows, { lo: part.lo, hi: part.hi });
    await client.query('RELEASE SAVEPOINT crp_part');
    return left;
  } catch (error) {
    if (!isIntegrityViolation(error)) throw error;
    await client.query('ROLLBACK TO SAVEPOINT crp_part; RELEASE SAVEPOINT crp_part');
  }
  if (part.lo === part.hi) return [part.net.rows.row(part.lo)];
  const middle = (part.lo + part.hi) >> 1;
  const first = await takeHalving(session, { ...part, hi: middle });
  return [...first, ...(await takeHalving(session, { ...part, lo: middle + 1 }))];
}
