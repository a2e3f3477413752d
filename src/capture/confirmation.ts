import type { Journal } from '../journal/journal.ts';

const VECTOR_NOTE = 'capture/vector';

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
    if (point.vector === (this.#options.journal.getNote(VECTOR_NOTE) ?? '')) return true;
    if (!this.#saving) {
      this.#saving = true;
      this.#save(point).catch(this.#options.failed);
    }
    return false;
  }

  async #save(point: Point): Promise<void> {
    await this.#options.journal.setNote(VECTOR_NOTE, point.vector);
    this.#saving = false;
    if (point.position > this.#confirmed) this.#confirmed = point.position;
    this.#options.saved();
  }
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
  await journal.setNote(VECTOR_NOTE, vectorText(known));
}

function vectorText(vector: ReadonlyMap<number, bigint>): string {
  return [...vector].map((entry) => entry.join(' ')).join(',');
}

/** What the site knew of the others where the slot was confirmed last. */
export function savedVector(journal: Journal): Map<number, bigint> {
  const vector = new Map<number, bigint>();
  for (const entry of journal.getNote(VECTOR_NOTE)?.split(',') ?? []) {
    const [origin, position] = entry.split(' ');
    vector.set(Number(origin), BigInt(position!));
  }
  return vector;
}
