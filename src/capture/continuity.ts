import { AppError } from '../base/errors.ts';
import type { Journal } from '../journal/journal.ts';
import { formatLsn } from '../postgres/lsn.ts';

/*
 * Whether the journal and the site's WAL are of one history. Either can be put back to an earlier state behind the
 * agent's back: a data folder or a virtual machine restored, a slot dropped and made again, a journal lost. Positions
 * are places in the WAL, so what is written then would get positions that other changes have, or be left out.
 */

/** The last transaction of this site that the journal has. */
export interface LastCaptured {
  position: bigint;
  /** Its commit time, µs since 2000-01-01; undefined where the journal does not know it. */
  time: bigint | undefined;
}

/** What to do at a site whose history is another one than that of its journal, or of the other members. */
export const REWOUND_HINT =
  'It cannot go on under its name: stop it (syncline down), take it out at another member (syncline remove SITE) and ' +
  'join afresh with a new name; what the others have of it is kept (docs/operating/recover.md)';

/** What to do where changes may not have been captured. */
export const RECAPTURE_HINT =
  'Stop the agent, run syncline recapture, start it again, and have the sites compared and mended: syncline verify ' +
  '--repair (docs/operating/recover.md)';

/**
 * Sees to it that the WAL that is read has the last transaction that the journal has. A database that was put back, and
 * has written since, can be beyond that place by now, with other transactions.
 */
export class Continuity {
  #expected: LastCaptured | undefined;

  /** @param expected undefined where reading begins after it */
  constructor(expected: LastCaptured | undefined) {
    this.#expected = expected;
  }

  /**
   * A transaction was read, of whatever site.
   *
   * @throws AppError SITE_REWOUND
   */
  committed(position: bigint, time: bigint): void {
    const expected = this.#expected;
    if (expected === undefined || position < expected.position) return;
    const isIt = position === expected.position && (expected.time ?? time) === time;
    if (!isIt) throw otherHistory(expected.position);
    this.#expected = undefined;
  }

  /**
   * All that committed before the place was read.
   *
   * @throws AppError SITE_REWOUND
   */
  readTo(position: bigint): void {
    const expected = this.#expected;
    if (expected !== undefined && position >= expected.position) {
      throw otherHistory(expected.position);
    }
  }
}

function otherHistory(position: bigint): AppError {
  return new AppError(
    'SITE_REWOUND',
    `The database was put back to an earlier state: the transaction of this site at ${formatLsn(position)}, which its ` +
      'journal has, is not in its WAL',
    { hint: REWOUND_HINT },
  );
}

/** The site's slot, and where its WAL ends. */
export interface SlotState {
  written: bigint;
  /** Undefined where there is no such slot. */
  slot: { confirmed: bigint; lost: boolean } | undefined;
}

/** What is captured begins here. */
interface Place {
  journal: Pick<Journal, 'position'>;
  site: number;
  slot: string;
  /** Up to where the slot was confirmed at most; undefined where it was not noted. */
  noted: bigint | undefined;
}

/**
 * @returns where the slot is
 * @throws AppError SITE_REWOUND, SLOT_MISSING, SLOT_LOST, CAPTURE_GAP
 */
export function checkSlot({ written, slot }: SlotState, place: Place): bigint {
  const { journal, site, noted } = place;
  const position = journal.position(site);
  requireWritten(written, position);
  const name = `Replication slot "${place.slot}"`;
  const after = `what this site wrote after ${formatLsn(position)} was not captured`;
  if (slot === undefined) {
    throw new AppError('SLOT_MISSING', `${name} is not there: ${after}`, { hint: RECAPTURE_HINT });
  }
  if (slot.lost) {
    throw new AppError('SLOT_LOST', `${name} lost its WAL: ${after}`, {
      hint:
        'Raise max_slot_wal_keep_size and idle_replication_slot_timeout, or the slot is lost again. ' +
        RECAPTURE_HINT,
    });
  }
  const end = noted === undefined || noted < position ? position : noted;
  if (noted !== undefined && slot.confirmed > end) {
    throw new AppError(
      'CAPTURE_GAP',
      `${name} begins at ${formatLsn(slot.confirmed)}, but the journal ends at ${formatLsn(end)}: the slot was made ` +
        'again or moved, or the journal was put back. What was written in between is not in the journal',
      { hint: RECAPTURE_HINT },
    );
  }
  return slot.confirmed;
}

/**
 * @param written end of the WAL; `position`: what the journal has of this site
 * @throws AppError SITE_REWOUND
 */
export function requireWritten(written: bigint, position: bigint): void {
  if (written >= position) return;
  throw new AppError(
    'SITE_REWOUND',
    `The database was put back to an earlier state, or is another one: its WAL ends at ${formatLsn(written)}, but the ` +
      `journal has what this site wrote up to ${formatLsn(position)}`,
    { hint: REWOUND_HINT },
  );
}
