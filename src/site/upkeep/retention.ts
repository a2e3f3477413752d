import type { Client } from 'pg';
import type { Journal } from '../../journal/journal.ts';
import type { Member } from '../database/catalog.ts';
import type { Peer } from '../members/peer.ts';

/** Settled conflicts that are kept; parked ones always are. */
const MAX_CONFLICTS = 100_000;

/**
 * Deletes from the journal what no member can ask for again: of this site's own batches what every other
 * member has journalled durably, of another origin's what every member has applied durably (until then a
 * survivor relays it). A member that was never heard of holds everything back; one that is only invited is none yet.
 */
export async function trimJournal(options: Retention & { journal: Journal }): Promise<void> {
  const { journal } = options;
  for (const origin of journal.origins()) {
    await journal.trim(origin, notNeeded(options, origin));
  }
}

/** What retention goes by. */
export interface Retention {
  journal: Pick<Journal, 'durable'>;
  self: number;
  others: readonly Pick<Member, 'name' | 'number'>[];
  peers: readonly TakingPeer[];
  /** Up to where another site's changes are applied here, on disk. */
  appliedOf: (origin: number) => bigint;
}

/** Up to where an origin's batches are not needed any more. */
export function notNeeded(options: Retention, origin: number): bigint {
  const { journal, self, others, peers, appliedOf } = options;
  const upTo = origin === self ? journal.durable(self) : appliedOf(origin);
  const needed = others
    .filter((member) => member.number !== origin)
    .map((member) => has(peers, member, { origin, self }));
  return smallest([upTo, ...needed]);
}

/** What a peer says of what it has. */
type TakingPeer = Pick<Peer, 'acknowledged' | 'knows'> & { member: Pick<Member, 'name'> };

/** Up to where a member will never ask again. */
function has(
  peers: readonly TakingPeer[],
  member: Pick<Member, 'name'>,
  of: { origin: number; self: number },
): bigint {
  const peer = peers.find((candidate) => candidate.member.name === member.name);
  if (peer === undefined) return 0n;
  if (of.origin === of.self) return peer.acknowledged.durable;
  return peer.knows?.get(of.origin) ?? 0n;
}

function smallest(positions: readonly bigint[]): bigint {
  return positions.reduce((least, position) => (position < least ? position : least));
}

/** Most records of conflicts that an agent deletes at once: what is new can be recorded meanwhile. */
const PRUNE_STEP = 10_000;

/** Keeps `crp.conflict` from growing without bound: the newest settled conflicts are kept. */
export async function trimConflicts(client: Client): Promise<number> {
  const result = await client.query(
    `DELETE FROM crp.conflict WHERE status = 'resolved'
       AND id <= (SELECT max(id) FROM crp.conflict) - $1::bigint`,
    [MAX_CONFLICTS],
  );
  return result.rowCount ?? 0;
}

/**
 * Deletes records of settled conflicts that were found so long ago. They are looked for from the oldest record on.
 *
 * @param keepMs by the database's clock
 * @returns how many were deleted
 */
export async function pruneConflicts(client: Client, keepMs: number): Promise<number> {
  for (let all = 0; ;) {
    const { rowCount } = await client.query(
      `DELETE FROM crp.conflict WHERE status = 'resolved' AND id = ANY (ARRAY(
         SELECT id FROM crp.conflict WHERE status = 'resolved'
           AND detected_at < clock_timestamp() - make_interval(secs => $1) ORDER BY id LIMIT ${PRUNE_STEP}))`,
      [keepMs / 1000],
    );
    all += rowCount ?? 0;
    if ((rowCount ?? 0) < PRUNE_STEP) return all;
  }
}
