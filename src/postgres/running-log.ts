import type { Client } from 'pg';
import { connect } from './connect.ts';

/** Longest time for one slot to find its beginning: a transaction that runs for longer keeps all slots where they are. */
const SLOT_MS = 500;
/** Between two slots that are made for this, and after one that could not be made. */
const BETWEEN_MS = 1000;
const FAILED_MS = 10_000;

/**
 * Before PostgreSQL 16, which has `pg_log_standby_snapshot`: has the server write into the WAL which transactions run, where
 * a logical slot can begin (restart_lsn). It does so itself every 15 s, and when a slot is made: a temporary one, which is
 * dropped again, in a session of its own, since it may have to wait, and an error drops all temporary slots of its session.
 */
export class RunningLog {
  readonly #dsn: string;
  readonly #application: string;
  #client: Client | undefined;
  #making: Promise<void> | undefined;
  #next = -Infinity;
  #closed = false;

  constructor(options: { dsn: string; application: string }) {
    this.#dsn = options.dsn;
    this.#application = options.application;
  }

  /** Makes such a slot, and does not wait for it. Does nothing while one is being made, and soon after. */
  write(): void {
    const now = performance.now();
    if (this.#closed || this.#making !== undefined || now < this.#next) return;
    this.#next = now + BETWEEN_MS;
    this.#making = this.#make()
      .catch(() => {
        // All slots are in use, or a transaction runs for long: more is read again then, and nothing is lost.
        this.#next = performance.now() + FAILED_MS;
      })
      .finally(() => (this.#making = undefined));
  }

  async #make(): Promise<void> {
    const client = await this.#session();
    await client.query(
      `SELECT pg_drop_replication_slot(slot_name) FROM pg_create_logical_replication_slot(
         'crp_running_' || pg_backend_pid(), 'pgoutput', true)`,
    );
  }

  async #session(): Promise<Client> {
    if (this.#client !== undefined) return this.#client;
    const client = await connect(this.#dsn, this.#application, {
      settings: { statement_timeout: SLOT_MS },
    });
    client.once('end', () => (this.#client = undefined));
    this.#client = client;
    if (this.#closed) this.close();
    return client;
  }

  close(): void {
    this.#closed = true;
    void this.#client?.end().catch(() => undefined);
    this.#client = undefined;
  }
}
