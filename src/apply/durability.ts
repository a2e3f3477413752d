import type { Client } from 'pg';
import { parseLsn } from '../postgres/lsn.ts';

/** Looks at one position after which the WAL is flushed by force. */
const MAX_LOOKS = 10;

/**
 * Finds out when asynchronous commits of a session are on disk. It waits for PostgreSQL's WAL writer
 * (within three times `wal_writer_delay`, PostgreSQL manual, 28.4 "Asynchronous Commit"): a commit that
 * waits for the disk would hold up the changes behind it. Only where the WAL ends a little after the last
 * commit, in what nobody waits for, and nothing follows, it has to be forced.
 *
 * Asked on a session that committed, or one that was there at the time: after a crash of the server WAL positions begin
 * again at those that were lost.
 */
export class Durability {
  readonly #client: () => Pick<Client, 'query'>;
  readonly #force: () => Promise<void>;
  #pending: { position: bigint; end: bigint; looks: number } | undefined;

  /**
   * @param client the session to ask now
   * @param force makes a commit that is on disk when it settles
   */
  constructor(client: () => Pick<Client, 'query'>, force: () => Promise<void>) {
    this.#client = client;
    this.#force = force;
  }

  /**
   * Looks once.
   *
   * @param applied position up to which the session has committed
   * @param durable what is known to be on disk
   * @returns what is known to be on disk now
   * @throws the database's error
   */
  async look(applied: bigint, durable: bigint): Promise<bigint> {
    if (applied <= durable) return durable;
    const { rows } = await this.#client().query<{ written: string; flushed: string }>(
      'SELECT pg_current_wal_insert_lsn() AS written, pg_current_wal_flush_lsn() AS flushed',
    );
    const { written, flushed } = rows[0]!;
    // Whatever was committed before the question ends before where the WAL ended then.
    const now = { position: applied, end: parseLsn(written), looks: 0 };
    const pending = this.#pending ?? now;
    this.#pending = pending;
    pending.looks += 1;
    if (pending.looks > MAX_LOOKS) await this.#force();
    else if (parseLsn(flushed) < pending.end) return durable;
    this.#pending = now;
    return pending.position > durable ? pending.position : durable;
  }
}
