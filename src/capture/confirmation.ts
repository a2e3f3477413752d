import type { Journal } from '../journal/journal.ts';

const VECTOR_NOTE = 'capture/vector';
const CONFIRMED_NOTE = 'capture/confirmed';

/** Between two notes of where the slot is, of a site that writes nothing itself; each is a sync of the disk, ms. */
const NOTE_MS = 500;

/** A position of the WAL, and what this site knew of the others there, as the note has it. */
interface Point {
  position: bigint;
  vector: string;
}

export interface Confirming {
  journal: Journal;
  site: number;
  /** What this site knows of the others, after all that was captured. */
  knowledge: () => ReadonlyMap<number, bigint>;
  /** A vector was saved: the slot may be told. */
  saved: () => void;
  failed: (error: unknown) => void;
}

/**
 * Up to where the slot may be confirmed: a restart begins there. Only what the journal has on disk counts, and the vector
 * of the place is saved before.
 */
export class Confirmation {
  readonly #options: Confirming;
  /** Batches of this session that may not be on disk yet, and the last one that is. */
  readonly #made: Point[] = [];
  #stored: Point = { position: 0n, vector: '' };
  #confirmed = 0n;
  #saving = false;
  #savedAt = -Infinity;

  constructor(options: Confirming) {
    this.#options = options;
  }

  /** A batch that ends at the position went to the journal. */
  made(position: bigint): void {
    this.#made.push({ position, vector: this.#vector() });
  }

  /**
   * Moves on if it can.
   *
   * @param readTo end of the WAL that was read, if nothing of it is pending: without it a quiet service would hold the
   *   WAL of a busy neighbour database for ever
   * @returns the position, and whether it is another one than before
   */
  advance(readTo: bigint | undefined): { position: bigint; moved: boolean } {
    const { journal, site } = this.#options;
    const durable = journal.durable(site);
    while (this.#made[0] !== undefined && this.#made[0].position <= durable) {
      this.#stored = this.#made.shift()!;
    }
    const idle = readTo !== undefined && readTo > durable;
    const point = idle ? { position: readTo, vector: this.#vector() } : this.#stored;
    const moved = point.position > this.#confirmed && this.#isSaved(point);
    if (moved) this.#confirmed = point.position;
    return { position: this.#confirmed, moved };
  }

  #vector(): string {
    return vectorText(this.#options.knowledge());
  }

  /**
   * False while the vector has to be saved first: its messages before the confirmed position will not be
   * decoded again. The position is confirmed when it is on disk.
   *
   * The vector is that of the position, neither less nor more. With less, what comes after it would be
   * applied before what it was made with knowledge of. With more, a batch that was not on disk is decoded
   * again under a larger vector than before; two sites' batches could then wait for each other for ever.
   */
  #isSaved(point: Point): boolean {
    const { journal, site } = this.#options;
    const sameVector = point.vector === (journal.getNote(VECTOR_NOTE) ?? '');
    const isNoted = point.position <= (notedPosition(journal) ?? 0n);
    // What the journal has on disk says itself how far it goes.
    if (sameVector && (isNoted || point.position <= journal.durable(site))) return true;
    const isSoon = sameVector && performance.now() - this.#savedAt < NOTE_MS;
    if (!this.#saving && !isSoon) {
      this.#saving = true;
      this.#save(point).catch(this.#options.failed);
    }
    return false;
  }

  async #save(point: Point): Promise<void> {
    const { journal } = this.#options;
    this.#savedAt = performance.now();
    const notes = [journal.setNote(VECTOR_NOTE, point.vector)];
    // Never less than before: a slot that is further than the note counts as one that somebody else moved.
    if (point.position > (notedPosition(journal) ?? -1n)) {
      notes.push(notePosition(journal, point.position));
    }
    await Promise.all(notes);
    this.#saving = false;
    if (point.position > this.#confirmed) this.#confirmed = point.position;
    this.#options.saved();
  }
}

/**
 * Notes where the slot may be. It is never further than this and the journal are: if it is found so, changes are in
 * nobody's journal (continuity.ts).
 */
export async function notePosition(
  journal: Pick<Journal, 'setNote'>,
  position: bigint,
): Promise<void> {
  await journal.setNote(CONFIRMED_NOTE, position.toString());
}

/** Undefined where nothing was noted: in journals of earlier builds, and where there is no journal. */
export function notedPosition(journal: Pick<Journal, 'getNote'>): bigint | undefined {
  const noted = journal.getNote(CONFIRMED_NOTE);
  return noted === undefined ? undefined : BigInt(noted);
}

/** Notes what this site's changes are made with knowledge of from now on, whatever was noted before. */
export async function noteVector(
  journal: Pick<Journal, 'setNote'>,
  known: ReadonlyMap<number, bigint>,
): Promise<void> {
  await journal.setNote(VECTOR_NOTE, vectorText(known));
}

/**
 * Notes what the first changes of a new site are made with knowledge of: its base copy. For a journal in which
 * nothing was captured yet; does nothing where something is noted.
 */
export async function beginWith(
  journal: Journal,
  known: ReadonlyMap<number, bigint>,
): Promise<void> {
  if (known.size === 0 || journal.getNote(VECTOR_NOTE) !== undefined) return;
  await noteVector(journal, known);
}

function vectorText(vector: ReadonlyMap<number, bigint>): string {
  return [...vector].map((entry) => entry.join(' ')).join(',');
}

/** What the site knew of the others where the slot was confirmed last. */
export function savedVector(journal: Journal): Map<number, bigint> {
  const vector = new Map<number, bigint>();
  const noted = journal.getNote(VECTOR_NOTE);
  for (const entry of noted ? noted.split(',') : []) {
    const [origin, position] = entry.split(' ');
    vector.set(Number(origin), BigInt(position!));
  }
  return vector;
}
