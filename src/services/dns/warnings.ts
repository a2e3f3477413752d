/** Most warnings that are kept: a broken generator of zone files makes one a record. */
const MAX_WARNINGS = 100;

/** Collects warnings, the first hundred as they are and the rest as a number. */
export class Warnings {
  readonly #texts: string[] = [];
  #more = 0;

  add(text: string): void {
    if (this.#texts.length < MAX_WARNINGS) this.#texts.push(text);
    else this.#more += 1;
  }

  list(): string[] {
    return this.#more === 0 ? [...this.#texts] : [...this.#texts, `${this.#more} more warnings`];
  }
}
