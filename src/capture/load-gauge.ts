/** WAL in bytes a second above which a server is busy, and below which it is quiet again. */
const BUSY = 1_000_000;
const QUIET = 250_000;
/** The rate is measured over at least so long, ms. */
const WINDOW_MS = 300;
/** So long it must have been low, ms. */
const QUIET_MS = 2000;

/** Whether a server writes much WAL, whoever writes it: decoding reads all of it. */
export class LoadGauge {
  #position: bigint | undefined;
  #at = 0;
  #lowSince: number | undefined;
  #busy: boolean;

  /** @param busy what is known at the beginning */
  constructor(busy: boolean) {
    this.#busy = busy;
  }

  /**
   * Takes a measure.
   *
   * @param position end of the WAL
   * @param now ms, of a clock that does not jump
   * @returns whether it is busy
   */
  look(position: bigint, now: number): boolean {
    if (this.#position === undefined) {
      this.#position = position;
      this.#at = now;
    }
    const elapsed = now - this.#at;
    if (elapsed < WINDOW_MS) return this.#busy;
    const rate = (Number(position - this.#position) * 1000) / elapsed;
    this.#position = position;
    this.#at = now;
    if (rate > QUIET) this.#lowSince = undefined;
    else this.#lowSince ??= now;
    if (rate > BUSY) this.#busy = true;
    else if (this.#lowSince !== undefined && now - this.#lowSince >= QUIET_MS) this.#busy = false;
    return this.#busy;
  }
}
