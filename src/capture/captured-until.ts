import type { Journal } from '../journal/journal.ts';

const NOTE = 'capture/until';
/** Between two notes; each is a sync of the disk, ms. */
const NOTE_MS = 30_000;
/** Between two looks that are kept, and how many of them: beyond it every second one is forgotten. */
const LOOK_MS = 500;
const MAX_LOOKS = 1_000;

export interface CapturedUntilOptions {
  journal: Pick<Journal, 'getNote' | 'setNote'>;
  /** ms, of a clock that does not jump. */
  now?: () => number;
}

/**
 * Since when everything that was committed here is in the journal. From time to time is looked where the WAL ends; once
 * the journal has all up to there it has what had committed then. It is noted, so that an agent that was started again
 * and cannot capture knows how old that is which the other sites have.
 */
export class CapturedUntil {
  readonly #journal: CapturedUntilOptions['journal'];
  readonly #now: () => number;
  /** Where the WAL ended, and when; not reached yet. */
  #looks: { position: bigint; at: number }[] = [];
  /** By `#now`. */
  #until: number | undefined;
  #notedAt = -Infinity;

  constructor({ journal, now }: CapturedUntilOptions) {
    this.#journal = journal;
    this.#now = now ?? (() => performance.now());
    const noted = journal.getNote(NOTE);
    if (noted !== undefined) this.#until = this.#now() - Math.max(0, Date.now() - Number(noted));
  }

  /** How long ago that was, ms; undefined where it is not known. */
  behind(): number | undefined {
    return this.#until === undefined ? undefined : this.#now() - this.#until;
  }

  /** The WAL ended at the position, or before. @param at when the look began, by `performance.now()` */
  looked(position: bigint, at: number): void {
    const last = this.#looks.at(-1);
    if (last !== undefined && at - last.at < LOOK_MS) return;
    this.#looks.push({ position, at });
    if (this.#looks.length > MAX_LOOKS) this.#looks = this.#looks.filter((_, index) => index % 2);
  }

  /** The journal has on disk what committed before the position. */
  stored(position: bigint): void {
    let reached: number | undefined;
    while (this.#looks[0] !== undefined && this.#looks[0].position <= position) {
      reached = this.#looks.shift()!.at;
    }
    if (reached === undefined) return;
    this.#until = reached;
    if (this.#now() - this.#notedAt >= NOTE_MS) void this.note();
  }

  /** Notes it; where that fails the note before stays, which is true as well. */
  async note(): Promise<void> {
    const behind = this.behind();
    if (behind === undefined) return;
    this.#notedAt = this.#now();
    const text = Math.floor(Date.now() - behind).toString();
    await this.#journal.setNote(NOTE, text).catch(() => undefined);
  }
}
