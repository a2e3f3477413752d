import type { Client } from 'pg';
import type { Journal } from '../../journal/journal.ts';
import { parseLsn } from '../../postgres/lsn.ts';

/**
 * A position of this site that has all that was committed, or was in progress, when mark `sequence` was
 * set. Others reason with it about what can still come (stability.ts).
 */
export interface Mark {
  sequence: number;
  position: bigint;
}

interface Look {
  xmin: string;
  xmax: string;
  here: string;
  confirmed: string | null;
}

/** Transactions in progress, the end of the WAL, and what of it is in the journal. Catalogue look-ups only. */
const LOOK = `
  SELECT pg_snapshot_xmin(pg_current_snapshot())::text AS xmin,
    pg_snapshot_xmax(pg_current_snapshot())::text AS xmax, pg_current_wal_insert_lsn()::text AS here,
    (SELECT confirmed_flush_lsn FROM pg_replication_slots WHERE slot_name = $1)::text AS confirmed`;

/**
 * Sets marks, one after the other. A mark is complete when the transactions that were in progress when it
 * was set have ended, and the WAL up to there is in the journal, durably.
 */
export class Marks {
  readonly #slot: string;
  readonly #self: number;
  readonly #journal: Journal;
  #last: Mark = { sequence: 0, position: 0n };
  /** The mark in progress: first the transactions have to end, then the WAL has to be journalled. */
  #xmax: bigint | undefined;
  #lsn: bigint | undefined;

  constructor(options: { slot: string; self: number; journal: Journal }) {
    this.#slot = options.slot;
    this.#self = options.self;
    this.#journal = options.journal;
  }

  /** The last complete mark. */
  last(): Mark {
    return this.#last;
  }

  /** Takes the mark in progress a step further; called once a round. */
  async advance(client: Client): Promise<void> {
    const { rows } = await client.query<Look>(LOOK, [this.#slot]);
    const look = rows[0]!;
    if (this.#lsn !== undefined && confirmed(look) >= this.#lsn) {
      const position = this.#journal.durable(this.#self);
      this.#last = { sequence: this.#last.sequence + 1, position };
      this.#xmax = undefined;
      this.#lsn = undefined;
    }
    this.#xmax ??= BigInt(look.xmax);
    // The end of the WAL was read with the same snapshot or later: what has ended is before it.
    if (this.#lsn === undefined && BigInt(look.xmin) >= this.#xmax) this.#lsn = parseLsn(look.here);
  }
}

function confirmed(look: Look): bigint {
  return look.confirmed === null ? 0n : parseLsn(look.confirmed);
}
