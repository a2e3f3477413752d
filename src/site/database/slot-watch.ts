import type { Client } from 'pg';
import type { ErrorNote } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import { openTransactions } from '../../postgres/open-transactions.ts';
import { slotProblems } from './slot-problems.ts';
import type { SlotLimits, SlotProblem, SlotStatus } from './slot-problems.ts';

/**
 * What `inactive_since` and `idle_replication_slot_timeout` say there is from PostgreSQL 17 and 18 on. Sizes are bytes; every
 * role may read all of it.
 */
const SLOT = `
  SELECT slot_name::text AS name, wal_status AS "walStatus",
    pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)::float8 AS "walBytes",
    pg_wal_lsn_diff(pg_current_wal_lsn(), confirmed_flush_lsn)::float8 AS "uncapturedBytes",
    safe_wal_size::float8 AS "safeBytes",
    age(xmin)::float8 AS "xminAge", age(catalog_xmin)::float8 AS "catalogXminAge",
    (to_jsonb(s) ->> 'inactive_since')::timestamptz AS "inactiveSince"
  FROM pg_replication_slots AS s WHERE slot_name = $1`;
const LIMITS = `
  SELECT name, setting::float8 * CASE unit WHEN 'MB' THEN 1048576 ELSE 1 END AS value FROM pg_settings
  WHERE name IN ('max_wal_size', 'max_slot_wal_keep_size', 'autovacuum_freeze_max_age', 'idle_replication_slot_timeout')`;

/** The slot as the server has it now; undefined when there is none. */
export async function readSlotStatus(
  client: Client,
  slot: string,
): Promise<SlotStatus | undefined> {
  const { rows } = await client.query<Record<string, unknown>>(SLOT, [slot]);
  if (rows[0] === undefined) return undefined;
  const known = Object.entries(rows[0]).filter(([, value]) => value !== null);
  const found = Object.fromEntries(known) as unknown as SlotStatus & { inactiveSince?: Date };
  const { inactiveSince, ...status } = found;
  return inactiveSince === undefined
    ? status
    : { ...status, inactiveSince: inactiveSince.toISOString() };
}

/** What the server's settings allow a slot. */
export async function readSlotLimits(client: Client): Promise<SlotLimits> {
  const { rows } = await client.query<{ name: string; value: number }>(LIMITS);
  const of = (name: string): number => rows.find((row) => row.name === name)?.value ?? 0;
  return {
    maxWal: of('max_wal_size'),
    // -1: no limit.
    keptWal: Math.max(0, of('max_slot_wal_keep_size')),
    freezeAge: of('autovacuum_freeze_max_age'),
    idleMs: of('idle_replication_slot_timeout') * 1000,
  };
}

/** Looks from time to time what the site's slot costs its server, and whether the server is about to drop it. */
export class SlotWatch {
  readonly #slot: string;
  readonly #log: Log;
  #found = new Map<SlotProblem['kind'], ErrorNote>();

  constructor(options: { slot: string; log: Log }) {
    this.#slot = options.slot;
    this.#log = options.log;
  }

  /** What is wrong, since when it was seen. */
  problems(): ErrorNote[] {
    return [...this.#found.values()];
  }

  /** Looks again; what is new, and what is gone, is logged. */
  async look(client: Client): Promise<void> {
    const slot = await readSlotStatus(client, this.#slot);
    const problems =
      slot === undefined ? [] : slotProblems(slot, await readSlotLimits(client), Date.now());
    const who = problems.some(({ heldBy }) => heldBy === 'transaction')
      ? await openTransactions(client)
      : '';
    const found = new Map<SlotProblem['kind'], ErrorNote>();
    for (const { kind, message, heldBy } of problems) {
      const known = this.#found.get(kind);
      if (known === undefined) this.#log.warn({ problem: message }, 'the replication slot');
      const holder = heldBy === 'transaction' && who !== '' ? `: ${who}` : '';
      found.set(kind, { at: known?.at ?? new Date().toISOString(), message: message + holder });
    }
    for (const [kind, { message }] of this.#found) {
      if (!found.has(kind)) this.#log.info({ problem: message }, 'the replication slot is well');
    }
    this.#found = found;
  }
}
