/** Columns that one write changes together; the model's column groups. */
export const GROUPS = ['binding', 'name'] as const;
export type Group = (typeof GROUPS)[number];

/** A write that its service was told is committed. Times are of one clock, ms. */
export interface Write {
  address: number;
  group: Group;
  /** No other write has it. */
  value: string;
  /** Just before the statement was sent, and when its commit was acknowledged. */
  began: number;
  acknowledged: number;
}

/** What a site has of a row in the end. */
export type Row = Readonly<Record<Group, string>>;

/**
 * What two sites acknowledged while both were written to, and so what must be there in the end. Of writes to
 * the same columns of the same row the later one counts: one that began after another was acknowledged,
 * wherever it was made. Of writes that overlapped either may win. Writes to different columns of a row do
 * not stand in each other's way.
 */
export class WriteLedger {
  readonly #writes = new Map<string, Write[]>();
  #count = 0;

  /** Acknowledged writes. */
  get count(): number {
    return this.#count;
  }

  add(write: Write): void {
    this.#count += 1;
    const key = `${write.address} ${write.group}`;
    const others = this.#writes.get(key);
    if (others === undefined) this.#writes.set(key, [write]);
    else others.push(write);
  }

  /** Rows that were written to, in ascending order. */
  addresses(): number[] {
    const all = new Set([...this.#writes.values()].map(([first]) => first!.address));
    return [...all].sort((one, other) => one - other);
  }

  /** Values one of which a row's columns must have; none when nobody wrote them. */
  expected(address: number, group: Group): string[] {
    return latest(this.#writes.get(`${address} ${group}`) ?? []).map((write) => write.value);
  }

  /** Updates that a site lost: columns of rows that do not have what was written last. */
  lost(rows: ReadonlyMap<number, Row>): { address: number; group: Group }[] {
    const lost: { address: number; group: Group }[] = [];
    for (const [{ address, group }] of this.#writes.values() as Iterable<[Write]>) {
      const found = rows.get(address)?.[group];
      if (found === undefined || !this.expected(address, group).includes(found)) {
        lost.push({ address, group });
      }
    }
    return lost;
  }
}

/** The writes after which no other one began. */
function latest(writes: readonly Write[]): Write[] {
  const lastBegan = Math.max(...writes.map((write) => write.began));
  return writes.filter((write) => write.acknowledged >= lastBegan);
}
