import type { Log } from '../base/log.ts';
import type { Journal } from '../journal/journal.ts';
import type { Model } from '../model/ir/ir.ts';
import type { Beacon } from './beacon.ts';
import type { Knowledge, Lost } from './knowledge.ts';

/**
 * Applies one origin's batches, which it follows in the journal, to this site's database. One applier an
 * origin; they share nothing but the database and `knowledge`. The contract; `apply-origin.ts` is it.
 */
export interface Applier {
  /**
   * Runs until the signal. Transient failures (connection, deadlock, lock time-out, server restart) are
   * retried with bounded backoff; what cannot be retried is thrown and the agent reports it.
   */
  run(signal: AbortSignal): Promise<void>;
  /** Position of the origin up to which everything is committed in this site's database. */
  applied(): bigint;
  /** As `applied`, but of what a crash of this site's database cannot take back. */
  appliedDurably(): bigint;
  status(): ApplierStatus;
}

export interface ApplierOptions {
  /** This site. */
  site: { name: string; number: number };
  /** Names of all sites of the group by number: methods such as site priority and conflict rows use them. */
  siteNames: () => ReadonlyMap<number, string>;
  origin: number;
  /** Incarnation of the origin whose batches are expected. */
  incarnation: number;
  models: Model[];
  journal: Journal;
  /** Connection string of this site's database, as the agent's role. */
  dsn: string;
  log: Log;
  /** Shared by the appliers of this site: `new Knowledge(site.number)`. */
  knowledge: Knowledge;
  /** Shared by the appliers of this site; on a connection of its own (see beacon.ts). */
  beacon: Beacon;
  /** Nothing after this position of the origin is applied; without it there is no end. */
  until?: bigint;
  /** A remote stamp further ahead of this site's clock than this is held back; µs. */
  maxClockDriftMicros: bigint;
  /** Called before changes are applied that were made with knowledge of changes that are nowhere any more. */
  onLost?: (lost: readonly Lost[]) => void;
  /** Called after each apply transaction has committed. */
  onApplied: (event: AppliedEvent) => void;
}

export interface AppliedEvent {
  origin: number;
  position: bigint;
  transactions: number;
  changes: number;
  conflicts: number;
  /** Commit time at the origin of the last transaction, µs since 2000-01-01. */
  commitTime: bigint;
}

export interface ApplierStatus {
  origin: number;
  state: 'starting' | 'running' | 'waiting' | 'retrying' | 'stopped';
  applied: bigint;
  /** Commit time at the origin of the last applied transaction, µs since 2000-01-01; 0n if none yet. */
  commitTime: bigint;
  transactions: number;
  changes: number;
  conflicts: number;
  parked: number;
  /** Since when it has not gone on (ISO 8601), tries in between included; absent while it does. */
  since?: string;
  lastError?: { at: string; message: string };
}
