import type { Log } from '../base/log.ts';

/** Why a change cannot be shipped: the WAL has not the row before it, or not the rows that it took away. */
export type PassedOverBy = 'replica identity' | 'truncate';

/** Changes of a table that no other site gets. */
export interface PassedOver {
  table: string;
  by: PassedOverBy;
  /** Statements of TRUNCATE, or updated and deleted rows, since the agent started. */
  changes: number;
  /** When the last one was read (ISO 8601). */
  at: string;
}

const HINTS: Readonly<Record<PassedOverBy, string>> = {
  'replica identity':
    'ALTER TABLE … REPLICA IDENTITY FULL, then bring the sites together: syncline verify, and with --repair',
  truncate:
    'A trigger that refuses TRUNCATE was disabled or dropped. The other sites have the rows: syncline verify --repair ' +
    'puts them back here; delete them with DELETE if they should go everywhere',
};

/**
 * What capture had to leave out. To stop would not bring it back: it is not in the WAL, and all that comes after would
 * wait for ever.
 */
export class PassedOverChanges {
  readonly #log: Log;
  readonly #found = new Map<string, PassedOver>();

  constructor(log: Log) {
    this.#log = log;
  }

  /** Notes one change; the first of a table is logged. */
  note(table: string, by: PassedOverBy): void {
    const at = new Date().toISOString();
    const key = `${by} ${table}`;
    const found = this.#found.get(key);
    if (found === undefined) {
      this.#found.set(key, { table, by, changes: 1, at });
      this.#log.error({ table, by, hint: HINTS[by] }, 'changes reach no other site');
    } else {
      found.changes += 1;
      found.at = at;
    }
  }

  list(): PassedOver[] {
    return [...this.#found.values()];
  }
}

/** One sentence and what to do, for the status; without `changes`, which grow, for the other members. */
export function describePassedOver({
  table,
  by,
  changes,
}: Pick<PassedOver, 'table' | 'by'> & Partial<PassedOver>): string {
  const rows = `${changes === undefined ? '' : `${changes} `}updated or deleted rows of table "${table}"`;
  const what =
    by === 'truncate'
      ? `TRUNCATE of table "${table}" reaches no other site`
      : `${rows} reach no other site: its REPLICA IDENTITY was not FULL`;
  return `${what} [CHANGES_PASSED_OVER]\n  hint: ${HINTS[by]}`;
}
