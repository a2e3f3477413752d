import type { Client } from 'pg';
import { AppError } from '../../base/errors.ts';
import { REWOUND_HINT } from '../../capture/continuity.ts';
import type { Log } from '../../base/log.ts';
import { timeOfTransaction } from '../../journal/batch-body.ts';
import type { Journal } from '../../journal/journal.ts';
import type { HistoryClaim } from '../../link/server.ts';
import { formatLsn, parseLsn } from '../../postgres/lsn.ts';

const SINCE_NOTE = 'history/since';

/** Notes from where on the journal has all of this site: nothing is said of what comes before. */
export async function noteSince(
  journal: Pick<Journal, 'setNote'>,
  position: bigint,
): Promise<void> {
  await journal.setNote(SINCE_NOTE, position.toString());
}

export interface OwnHistoryContext {
  client: () => Client;
  journal: Journal;
  slot: string;
  site: { name: string; number: number };
  log: Log;
}

/** What shows that this site was put back: a member has changes of it that are not in its history. */
export interface Rewound {
  peer: string;
  /** The last of them. */
  position: bigint;
}

/** Whether a transaction is in this site's history; `later`: it cannot be said yet. */
type Answer = 'yes' | 'no' | 'later';

/**
 * Holds what members have of this site against its own journal and WAL. When the database and the journal are put back
 * together (a virtual machine that goes back to a snapshot), nothing here shows it: but members have what was written
 * after that, and what is written now gets the same positions. From the first member that says so on, this site gives
 * nothing of its own to anybody.
 */
export class OwnHistory {
  readonly #context: OwnHistoryContext;
  #rewound: Rewound | undefined;

  constructor(context: OwnHistoryContext) {
    this.#context = context;
  }

  rewound(): Rewound | undefined {
    return this.#rewound;
  }

  /** @throws AppError SITE_REWOUND; SITE_BEHIND while it cannot be said */
  async check(claim: HistoryClaim): Promise<void> {
    if (this.#rewound === undefined) {
      const answer = await this.#has(claim);
      if (answer === 'yes') return;
      if (answer === 'later') throw this.#behind(claim);
      this.#rewound = { peer: claim.peer, position: claim.position };
      const error = this.#error(this.#rewound);
      this.#context.log.error(
        { error: error.message, hint: REWOUND_HINT },
        'this site was put back',
      );
    }
    throw this.#error(this.#rewound);
  }

  async #has({ position, time }: HistoryClaim): Promise<Answer> {
    const { journal, site } = this.#context;
    if (position <= BigInt(journal.getNote(SINCE_NOTE) ?? 0)) return 'yes';
    if (position > journal.position(site.number)) return this.#willHave(position, time);
    // What is trimmed was acknowledged by all. Who asks for what comes before is told so.
    if (position <= journal.oldest(site.number)) return this.#isOldest(position, time);
    // Who does not know the time has not got it from a batch, but from a copy: no transaction need end there.
    if (time === undefined) return 'yes';
    return (await timeAt(journal, site.number, position)) === time ? 'yes' : 'no';
  }

  #isOldest(position: bigint, time: bigint | undefined): Answer {
    const { journal, site } = this.#context;
    if (position !== journal.position(site.number)) return 'yes';
    const known = journal.time(site.number);
    return known === undefined || time === undefined || known === time ? 'yes' : 'no';
  }

  /** After a crash of the agent its peers can have more than its journal, which gets it again from the WAL. */
  async #willHave(position: bigint, time: bigint | undefined): Promise<Answer> {
    const { client, slot, journal, site } = this.#context;
    const { rows } = await client().query<{ written: string; confirmed: string | null }>(
      `SELECT pg_current_wal_insert_lsn()::text AS written,
         (SELECT confirmed_flush_lsn::text FROM pg_replication_slots WHERE slot_name = $1) AS confirmed`,
      [slot],
    );
    const { written, confirmed } = rows[0]!;
    if (position > parseLsn(written)) return 'no';
    if (time === undefined) return 'yes';
    const isRead = confirmed !== null && parseLsn(confirmed) >= position;
    return isRead && journal.durable(site.number) < position ? 'no' : 'later';
  }

  #error({ peer, position }: Rewound): AppError {
    const { name } = this.#context.site;
    return new AppError(
      'SITE_REWOUND',
      `Site "${name}" was put back to an earlier state: ${peer} has what it wrote up to ${formatLsn(position)}, and that ` +
        'is not in its history',
      { hint: REWOUND_HINT },
    );
  }

  #behind({ position }: HistoryClaim): AppError {
    const { name } = this.#context.site;
    return new AppError(
      'SITE_BEHIND',
      `Site "${name}" has not yet read again what it wrote up to ${formatLsn(position)}`,
      { retry: 'later' },
    );
  }
}

/** Commit time of the transaction at a position that the journal has in a batch; undefined where none ends there. */
async function timeAt(
  journal: Journal,
  origin: number,
  position: bigint,
): Promise<bigint | undefined> {
  const stop = new AbortController();
  try {
    for await (const entry of journal.follow(origin, position - 1n, { signal: stop.signal })) {
      if (entry.kind === 'batch') return timeOfTransaction(entry.batch, position);
    }
    return undefined;
  } finally {
    stop.abort();
  }
}
