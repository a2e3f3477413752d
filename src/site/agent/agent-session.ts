import type { Client } from 'pg';
import { AppError, describeError } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import type { SiteConfig } from '../config/config.ts';
import { connectAlone } from './only-agent.ts';
import { Revival } from './revival.ts';

/** An agent that finds another one at its database gives up after so long: until then it may be its own old session, ms. */
const ELSEWHERE_MS = 60_000;

/** The agent's own session, which holds the lock by which it is the only one. */
export class AgentSession {
  readonly #dsn: string;
  readonly #log: Log;
  readonly #revival: Revival;
  #client: Client;
  #error: string | undefined;
  /** Since when another agent was seen at the database. */
  #elsewhereSince: number | undefined;

  constructor(client: Client, config: SiteConfig, log: Log) {
    this.#client = client;
    this.#dsn = config.database.url;
    this.#log = log;
    this.#revival = new Revival(config, log);
  }

  /** Another one after `reconnect`. */
  get client(): Client {
    return this.#client;
  }

  /** Why the session could not be made again; undefined while there is one. */
  get error(): string | undefined {
    return this.#error;
  }

  /** Another agent was at the database when the session was to be made again: that one speaks for the site. */
  get isElsewhere(): boolean {
    return this.#elsewhereSince !== undefined;
  }

  /**
   * Makes the session again, and starts an embedded server again that has crashed.
   *
   * @returns false where that cannot be done: the old one stays, for the next try
   * @throws AppError AGENT_ELSEWHERE when another agent works with the database
   */
  async reconnect(): Promise<boolean> {
    try {
      await this.#client.end().catch(() => undefined);
      await this.#revival.run();
      this.#client = await connectAlone(this.#dsn, 'syncline agent');
      this.#elsewhereSince = undefined;
      this.#error = undefined;
      return true;
    } catch (error) {
      this.#failed(error);
      return false;
    }
  }

  #failed(error: unknown): void {
    const isElsewhere = error instanceof AppError && error.code === 'AGENT_ELSEWHERE';
    this.#error = describeError(error);
    this.#log.warn(
      { error: this.#error },
      isElsewhere ? 'another agent is at the database' : 'the database is not reachable',
    );
    if (!isElsewhere) return;
    this.#elsewhereSince ??= performance.now();
    if (performance.now() - this.#elsewhereSince > ELSEWHERE_MS) throw error;
  }
}
