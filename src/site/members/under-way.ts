/** Positions that are kept; of more, every second one goes. */
const MAX_MARKS = 1_000;

/**
 * For how long something of a peer is on its way: the peer has said that its journal has it, and it is not here. Over a
 * thin link that can be long while the link is up and all that has come is applied. Ages are by this site's clock.
 */
export class UnderWay {
  readonly #now: () => number;
  /** What the peer said it has and was not here yet, oldest first. */
  #marks: { position: bigint; heardAt: number }[] = [];

  /** @param now ms, of a clock that does not jump */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** The peer's journal has all of the peer's own transactions up to the position; 0n where it does not say. */
  heard(position: bigint): void {
    if (position <= (this.#marks.at(-1)?.position ?? 0n)) return;
    this.#marks.push({ position, heardAt: this.#now() });
    if (this.#marks.length > MAX_MARKS) {
      this.#marks = this.#marks.filter((_, index) => index % 2 === 0);
    }
  }

  /**
   * Seconds since the peer said that it has something that is not here; 0 when nothing is known to be under way.
   *
   * @param here up to where this site's journal has the peer
   */
  seconds(here: bigint): number {
    this.#marks = this.#marks.filter(({ position }) => position > here);
    const [oldest] = this.#marks;
    return oldest === undefined ? 0 : (this.#now() - oldest.heardAt) / 1000;
  }
}
