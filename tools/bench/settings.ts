/** Settings of both servers of a benchmark, the same for both sides; everything else is PostgreSQL's default. */
export const SERVER_SETTINGS: Record<string, string> = {
  shared_buffers: '512MB',
  max_wal_size: '16GB',
  checkpoint_timeout: '30min',
  maintenance_work_mem: '256MB',
  work_mem: '32MB',
  max_wal_senders: '20',
  max_replication_slots: '20',
  max_logical_replication_workers: '8',
  max_worker_processes: '16',
  // A table that autovacuum works on during one side's run and not during the other's is noise.
  autovacuum: 'off',
};

/** How much one call does. */
export interface Sizes {
  /** Rows of the table, and of the bulk transaction. */
  rows: number;
  /** Single-row transactions committed while the link, or the agents, are down. */
  backlog: number;
  /** Single-row transactions with replication live. */
  live: number;
  /** Single-row transactions at each site when both are written to. */
  twoWay: number;
  /** Commits whose visibility is measured. */
  samples: number;
  /** Connections that write. */
  clients: number;
  /** Longest wait for the other site, whatever is measured. */
  limitMs: number;
}

export const FULL: Sizes = {
  ...{ rows: 1_000_000, backlog: 320_000, live: 160_000, twoWay: 50_000 },
  ...{ samples: 1000, clients: 8, limitMs: 600_000 },
};

export const QUICK: Sizes = {
  ...{ rows: 200_000, backlog: 80_000, live: 40_000, twoWay: 10_000 },
  ...{ samples: 300, clients: 8, limitMs: 300_000 },
};

/** Less, for several peers in one call: Bucardo's triggers notify at every commit, one commit after the other. */
export const QUICK_PEERS: Sizes = {
  ...{ rows: 100_000, backlog: 20_000, live: 10_000, twoWay: 4_000 },
  ...{ samples: 100, clients: 8, limitMs: 120_000 },
};

/** Shows that everything works; no number of it means anything. */
export const SMOKE: Sizes = {
  ...{ rows: 5_000, backlog: 2_000, live: 2_000, twoWay: 400 },
  ...{ samples: 10, clients: 4, limitMs: 60_000 },
};
