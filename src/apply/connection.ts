import type { Client } from 'pg';

/**
 * Tells when a session's connection is lost, also while nothing is asked of it: the server that answers next can be a standby
 * that was promoted, and lack what was applied.
 */
export class Connection {
  #error: Error | undefined;

  /** @param lost called once, when it is */
  constructor(client: Client, lost: () => void) {
    client.once('error', (error) => {
      this.#error = error;
      lost();
    });
  }

  /** @throws why it was lost */
  check(): void {
    if (this.#error !== undefined) throw this.#error;
  }
}
