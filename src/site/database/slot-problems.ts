import { formatBytes } from '../config/units.ts';

/** The site's replication slot, `slot` of the status; what the server does not say is absent. */
export interface SlotStatus {
  name: string;
  /** `wal_status` of pg_replication_slots: `reserved`, `extended`, `unreserved` or `lost`. */
  walStatus?: string;
  /** WAL that the server keeps for it. */
  walBytes?: number;
  /** Of that, what capture has not in its journal, on disk; the rest is kept for transactions that ran when it was written. */
  uncapturedBytes?: number;
  /** What may still be written before it is lost; only with `max_slot_wal_keep_size`. */
  safeBytes?: number;
  /** Transactions that were begun since the oldest one whose rows, or rows of the catalogue, vacuum has to leave for it. */
  xminAge?: number;
  catalogXminAge?: number;
  /** Since when nobody has it; PostgreSQL 17 and later (ISO 8601). While calls read the WAL that is the last of them. */
  inactiveSince?: string;
}

/** What a server's settings allow its slots; 0: no limit. */
export interface SlotLimits {
  /** `max_wal_size`, bytes. */
  maxWal: number;
  /** `max_slot_wal_keep_size`, bytes. */
  keptWal: number;
  /** `autovacuum_freeze_max_age`, transactions. */
  freezeAge: number;
  /** `idle_replication_slot_timeout`, PostgreSQL 18 and later. */
  idleMs: number;
}

/** A thing that is wrong with a slot. Its text stays the same while it lasts: the members are told of what is new. */
export interface SlotProblem {
  kind: 'limit' | 'size' | 'xmin' | 'idle';
  message: string;
  /** What keeps the slot where it is. */
  heldBy: 'capture' | 'transaction';
}

/** Of a limit, what may be used before it is a problem: an operator needs the other half of the time. */
const NOTICE = 0.5;
/** Less WAL than this is no matter, whatever `max_wal_size` is: loading data makes as much within a minute, bytes. */
const MUCH_WAL = 2 ** 30;
const DROPPED =
  'what was not captured by then comes to the other sites by syncline recapture and verify --repair only';

/**
 * What is wrong with the slot, and what to do. One that is lost is none of it: capture says that (SLOT_LOST).
 *
 * @param now ms since the Unix epoch
 */
export function slotProblems(slot: SlotStatus, limits: SlotLimits, now: number): SlotProblem[] {
  if (slot.walStatus === 'lost') return [];
  const found = [
    limitProblem(slot, limits) ?? sizeProblem(slot, limits),
    xminProblem(slot, limits),
    idleProblem(slot, limits, now),
  ];
  return found.filter((problem) => problem !== undefined);
}

/** The server is about to drop the slot. */
function limitProblem(slot: SlotStatus, { keptWal }: SlotLimits): SlotProblem | undefined {
  const { walStatus, safeBytes = Infinity } = slot;
  const isOver = walStatus === 'unreserved';
  if (!isOver && safeBytes >= keptWal * NOTICE) return undefined;
  const limit = `max_slot_wal_keep_size (${formatBytes(keptWal)})`;
  const what = isOver
    ? `keeps more WAL than ${limit} allows. The server drops it with its next checkpoint`
    : `keeps more than half of the WAL that ${limit} allows. The server drops it when it is all`;
  return problem(slot, 'limit', `${what}, and ${DROPPED}. Raise that setting, or`);
}

/** The server keeps more than it would by itself. */
function sizeProblem(slot: SlotStatus, { maxWal }: SlotLimits): SlotProblem | undefined {
  const { walStatus, walBytes = 0 } = slot;
  if (walStatus !== 'extended' || walBytes < MUCH_WAL) return undefined;
  const what = `keeps more WAL on the server's disk than max_wal_size (${formatBytes(maxWal)})`;
  return problem(slot, 'size', `${what}:`);
}

function xminProblem(slot: SlotStatus, { freezeAge }: SlotLimits): SlotProblem | undefined {
  if ((slot.catalogXminAge ?? 0) < freezeAge * NOTICE) return undefined;
  const what =
    'keeps dead rows in the system catalogues, and transaction ids from being frozen, for more than half of';
  return problem(slot, 'xmin', `${what} autovacuum_freeze_max_age (${freezeAge} transactions):`);
}

function idleProblem(
  slot: SlotStatus,
  { idleMs }: SlotLimits,
  now: number,
): SlotProblem | undefined {
  const { inactiveSince } = slot;
  if (inactiveSince === undefined || idleMs === 0) return undefined;
  if (now - Date.parse(inactiveSince) < idleMs * NOTICE) return undefined;
  const limit = `idle_replication_slot_timeout (${idleMs / 1000} s)`;
  const what = `is idle for more than half of ${limit}. The server drops it after that`;
  return problem(slot, 'idle', `${what}, and ${DROPPED}. Raise that setting, or`);
}

/** What capture has is kept only for transactions that began before it and have not ended. */
function problem(
  { name, walBytes = 0, uncapturedBytes = 0 }: SlotStatus,
  kind: SlotProblem['kind'],
  what: string,
): SlotProblem {
  const isBehind = uncapturedBytes >= walBytes / 2;
  const heldBy = kind === 'idle' || isBehind ? 'capture' : 'transaction';
  const toDo =
    heldBy === 'capture'
      ? 'see what capture waits for'
      : 'end the transactions that were open when it was written';
  return { kind, message: `replication slot "${name}" ${what} ${toDo}`, heldBy };
}
