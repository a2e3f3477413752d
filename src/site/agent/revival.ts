import type { Log } from '../../base/log.ts';
import { asError } from '../../base/errors.ts';
import type { SiteConfig } from '../config/config.ts';
import { embeddedCluster } from '../database/embedded.ts';

/** Between two tries to start a server, ms: each reads its WAL from the last checkpoint on. */
const AGAIN_MS = 10_000;

/**
 * Starts a site's embedded server again when it has crashed: nobody else would. PostgreSQL recovers by itself from most
 * crashes; but its disk may be full, or the system may have killed it. One that was shut down stays so.
 */
export class Revival {
  readonly #config: SiteConfig;
  readonly #log: Log;
  #triedAt = -Infinity;
  #error: Error | undefined;

  constructor(config: SiteConfig, log: Log) {
    this.#config = config;
    this.#log = log;
  }

  /**
   * Does nothing where the server runs, was shut down, or is not the site's own.
   *
   * @throws AppError POSTGRES_START, or the error of a disk that is full
   */
  async run(): Promise<void> {
    if (this.#config.database.embedded === undefined) return;
    const cluster = embeddedCluster(this.#config);
    if (cluster?.hasCrashed() !== true) {
      this.#error = undefined;
      return;
    }
    const isSoon = performance.now() - this.#triedAt < AGAIN_MS;
    if (isSoon && this.#error !== undefined) throw this.#error;
    this.#triedAt = performance.now();
    this.#log.warn({}, 'the embedded server has crashed and is started again');
    try {
      await cluster.start();
      this.#error = undefined;
    } catch (error) {
      this.#error = asError(error);
      throw error;
    }
  }
}
