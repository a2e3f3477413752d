/*
 * What there is of a site that has left (docs/convergence.md, "Sites that are lost for good"). Its changes may have been
 * made with knowledge of changes of another lost site that no remaining member has. Those are nowhere, and nobody waits
 * for them; but it must be sure that they are nowhere.
 */

/** What a member says of what its journal has. */
export interface Statement {
  /** Members that have left as the speaker knows. Nothing is pulled from them any more, for any origin. */
  gone: ReadonlySet<number>;
  /**
   * Up to where it has each origin on disk in its journal. An origin in `gone` of which a part is not on disk yet is
   * missing: a position that is said of one is all that the speaker has of it.
   */
  journal: ReadonlyMap<number, bigint>;
}

/**
 * The position up to which there is anything of an origin that has left, at any remaining member; undefined as long as
 * that is not sure. Once known it never grows, and it is the same whoever asks: each speaker gets changes of the origin
 * from other speakers only, and of those only what they have on disk, which they had when they spoke, or got in the same
 * way. So it does not matter when each of them spoke.
 *
 * @param left all members that have left
 * @param statements of this site and of every member that may have a journal; undefined where none was heard
 */
export function extentOf(
  origin: number,
  left: readonly number[],
  statements: readonly (Statement | undefined)[],
): bigint | undefined {
  let extent = 0n;
  for (const statement of statements) {
    if (statement === undefined || !left.every((number) => statement.gone.has(number))) {
      return undefined;
    }
    const position = statement.journal.get(origin);
    if (position === undefined) return undefined;
    if (position > extent) extent = position;
  }
  return extent;
}

/** The extents that are known. What was found stays true, whoever joins or leaves after. */
export class Extents {
  readonly #found = new Map<number, bigint>();

  /** @returns by origin, of those that have left and of which it is known */
  update(
    left: readonly number[],
    statements: readonly (Statement | undefined)[],
  ): ReadonlyMap<number, bigint> {
    for (const origin of left) {
      const extent = extentOf(origin, left, statements);
      if (extent !== undefined) this.#found.set(origin, extent);
    }
    return this.#found;
  }
}

/** Positions of a journal. */
interface Positions {
  origins(): number[];
  position(origin: number): bigint;
  durable(origin: number): bigint;
}

/**
 * What a site says of its journal.
 *
 * @param site `gone`: nothing may be on its way from them any more; `applied`: up to where an origin is in the database,
 *   on disk, if that is known
 */
export function stated(site: {
  self: number;
  journal: Positions;
  gone: readonly number[];
  applied: (origin: number) => bigint | undefined;
}): Statement {
  const { self, journal, applied } = site;
  const gone = new Set(site.gone);
  const positions = new Map<number, bigint>();
  for (const origin of new Set([...journal.origins(), ...gone])) {
    if (origin === self) continue;
    const durable = journal.durable(origin);
    if (!gone.has(origin)) positions.set(origin, durable);
    // A crash of the machine can leave more in the database than in the journal: that is not nowhere either.
    else {
      const here = applied(origin);
      if (here === undefined || durable !== journal.position(origin)) continue;
      positions.set(origin, here > durable ? here : durable);
    }
  }
  return { gone, journal: positions };
}
