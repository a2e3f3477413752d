/** What has to be taken back when a task of several steps does not come to its end. */
export class Undo {
  readonly #steps: (() => unknown)[] = [];

  /** Notes how to take back what is done now, or was done just before. */
  add(step: () => unknown): void {
    this.#steps.push(step);
  }

  /** Takes everything back, the last first. A step that fails does not keep the others from it. */
  async run(): Promise<void> {
    for (const step of this.#steps.splice(0).reverse()) {
      try {
        await step();
      } catch {
        // The error that led here is the one that is told.
      }
    }
  }
}
