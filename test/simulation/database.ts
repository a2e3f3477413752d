import type { History, RowVersion, Tombstone } from '../../src/merge/types.ts';
import type { Acknowledged } from './ledger.ts';

/** A place in the WAL that capture looks at. */
export interface WalEntry {
  lsn: bigint;
  /** Messages that a walsender makes of it. */
  messages: Buffer[];
}

/** A row that a site removed since its time was over. */
export interface Removed {
  row: RowVersion;
  /** What the site's clock showed, in µs since 2020. */
  clock: bigint;
}

/** What a crash takes back together: everything that is written through the WAL. */
export interface DatabaseState {
  /** By `<entity>/<key>`. */
  rows: Map<string, RowVersion>;
  tombstones: Map<string, Tombstone>;
  /** Of entities that keep history: the changes of each key that are not stable. */
  history: Map<string, History>;
  /** Of entities whose rows expire: what was removed last of each key. */
  removed: Map<string, Removed>;
  progress: Map<number, bigint>;
  /** µs since 2020; `crp.floor`. */
  floor: bigint;
  /** The greatest stamp that apply has written. */
  greatest: bigint;
  /** Tombstones up to this stamp were taken for stable, and deleted. */
  collected: bigint;
  /** Stamps, and elements of sets as `<group> <element>`, that conflict records name, by row. */
  conflicts: Map<string, ReadonlySet<bigint | string>>;
  ledger: Acknowledged[];
  lsn: bigint;
}

/** A database in which nothing was done yet. */
export function emptyState(): DatabaseState {
  return {
    ...{ rows: new Map(), tombstones: new Map(), history: new Map() },
    ...{ removed: new Map(), progress: new Map(), conflicts: new Map() },
    ...{ floor: 0n, greatest: 0n, collected: 0n, ledger: [], lsn: 1000n },
  };
}

function copyOf(state: DatabaseState): DatabaseState {
  return {
    ...state,
    rows: new Map(state.rows),
    tombstones: new Map(state.tombstones),
    history: new Map(state.history),
    removed: new Map(state.removed),
    progress: new Map(state.progress),
    conflicts: new Map(state.conflicts),
    ledger: [...state.ledger],
  };
}

/**
 * A site's database: one copy in memory, one as it is on disk. Rows are never changed in place, so a copy
 * is a copy of maps.
 */
export class SimDatabase {
  state: DatabaseState;
  readonly wal: WalEntry[] = [];
  /** Entries of the WAL that are on disk; a walsender sends no others. */
  walOnDisk = 0;
  #onDisk: DatabaseState;

  /** @param state of a base copy; without it the database is empty */
  constructor(state: DatabaseState = emptyState()) {
    this.state = state;
    this.#onDisk = copyOf(state);
  }

  /** Adds to the WAL and tells the position after it. */
  log(messages: (lsn: bigint) => Buffer[]): bigint {
    this.state.lsn += 16n;
    this.wal.push({ lsn: this.state.lsn, messages: messages(this.state.lsn) });
    return this.state.lsn;
  }

  /** A durable commit, or the WAL writer: everything so far is on disk. */
  flush(): void {
    if (this.#onDisk.lsn === this.state.lsn && this.walOnDisk === this.wal.length) return;
    this.#onDisk = copyOf(this.state);
    this.walOnDisk = this.wal.length;
  }

  /** `crp.floor`, raised in a transaction of its own, whose commit is durable. */
  raise(floor: bigint): void {
    this.state.floor = floor;
    this.flush();
    this.#onDisk.floor = floor;
  }

  /** What a logical slot exports: it is made of the WAL that is on disk. */
  snapshot(): DatabaseState {
    this.flush();
    return copyOf(this.state);
  }

  /** Up to where each origin is on disk. */
  progressOnDisk(): ReadonlyMap<number, bigint> {
    return this.#onDisk.progress;
  }

  /** The server crashes and recovers: what was not on disk never happened. */
  crash(): void {
    this.state = copyOf(this.#onDisk);
    this.wal.length = this.walOnDisk;
  }

  /** What a crash leaves applied of an origin. */
  durableProgress(origin: number): bigint {
    return this.#onDisk.progress.get(origin) ?? 0n;
  }

  /** As a planted bug: an origin's progress gets to disk without the data. */
  flushProgress(origin: number, position: bigint): void {
    this.#onDisk.progress.set(origin, position);
  }
}
