import type { Catalog } from './catalog.ts';
import type { PendingFold } from './fold/pending.ts';
import { ApplySession, originsBeside } from './session.ts';
import type { ApplySessionOptions } from './session.ts';

/** So many replication origins of the server stay free for what cannot do without. */
const SPARE = 8;
/** Their number is limited by the latter before PostgreSQL 18; each that ever was used counts. */
const HAS_ROOM = `SELECT EXISTS (SELECT FROM pg_replication_origin WHERE roname = $1)
  OR coalesce(current_setting('max_active_replication_origins', true), current_setting('max_replication_slots'))::integer
    - (SELECT count(*) FROM pg_replication_origin) > $2::integer AS room`;

/** What is staged in the other session, or will be. */
interface Ahead {
  fold: PendingFold;
  staged: Promise<void>;
}

/**
 * The sessions that apply an origin's folds, which take turns in a backlog: while the one writes a fold, the next one is
 * staged in the other. The transactions still write and commit one after the other; what is staged is in a temporary
 * table, which takes no lock that anybody could wait for. The second session is opened when it is first needed.
 */
export class ApplyTurns {
  readonly #options: ApplySessionOptions;
  readonly #first: ApplySession;
  #second: ApplySession | undefined;
  /** Whose turn it is. */
  #now: ApplySession;
  #ahead: Ahead | undefined;
  #closed = false;
  /** The second session could not be had: one will do. */
  #single = false;

  private constructor(options: ApplySessionOptions, first: ApplySession) {
    this.#options = options;
    this.#first = first;
    this.#now = first;
  }

  /** @throws the database's or the network's error; the caller decides about trying again */
  static async open(options: ApplySessionOptions): Promise<ApplyTurns> {
    const first = await ApplySession.open(options);
    try {
      await first.checkOnlyOne(Object.values(originsBeside(options.originName)));
      return new ApplyTurns(options, first);
    } catch (error) {
      await first.close();
      throw error;
    }
  }

  /** The session in which nothing is staged: for everything but folds. */
  get now(): ApplySession {
    return this.#now;
  }

  /** What relations mean: one for both sessions, so that a fold can be applied in either. */
  get catalog(): Catalog {
    return this.#first.catalog;
  }

  /** From now on what arrives may have been made with knowledge of what is lost for good. */
  restores(): void {
    this.#first.history.restores = true;
    if (this.#second !== undefined) this.#second.history.restores = true;
  }

  /** Encodes a full fold, to which nothing is added any more, while the session writes another. */
  prepare({ fold }: PendingFold): void {
    for (const net of fold.entities.values()) this.#first.fast.prepare(net);
  }

  /** Starts to stage a fold that was prepared in the session whose turn it is not, unless another one is there. */
  ahead(next: PendingFold | undefined): void {
    if (next === undefined || this.#ahead !== undefined || this.#single) return;
    const nets = [...next.fold.entities.values()];
    if (nets.every((net) => net.copy === undefined)) return;
    const staged = this.#other().then((session) => session.stageAhead(nets));
    // It is looked at where the fold's turn comes.
    staged.catch(() => undefined);
    this.#ahead = { fold: next, staged };
  }

  /**
   * The session for a fold, with what was staged ahead of it.
   *
   * @throws what went wrong while it was staged in the first session; without the second it goes on
   */
  async take(fold: PendingFold): Promise<ApplySession> {
    if (this.#ahead?.fold !== fold) return this.#now;
    try {
      // Until then nothing else may be staged: the session is still the other one.
      await this.#ahead.staged;
      this.#now = this.#now === this.#first ? this.#second! : this.#first;
    } catch (error) {
      if (this.#now !== this.#first) throw error;
      this.#single = true;
      await this.#second?.close();
    } finally {
      this.#ahead = undefined;
    }
    return this.#now;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#first.close();
    // It may be about to be opened.
    await this.#ahead?.staged.catch(() => undefined);
    await this.#second?.close();
  }

  async #other(): Promise<ApplySession> {
    if (this.#now !== this.#first) return this.#first;
    this.#second ??= await this.#open();
    this.#second.history.restores = this.#first.history.restores;
    if (this.#closed) throw new Error('the sessions are closed');
    return this.#second;
  }

  async #open(): Promise<ApplySession> {
    const originName = originsBeside(this.#options.originName).ahead;
    const values = [originName, SPARE];
    const { rows } = await this.#first.client.query<{ room: boolean }>(HAS_ROOM, values);
    if (!rows[0]!.room) throw new Error('the server has too few replication origins');
    const second = await ApplySession.open({ ...this.#options, originName });
    try {
      // A server that crashed can have lost what the first one committed last: then the second must not go on behind it.
      await this.#first.client.query('SELECT').catch(ifAlive);
      return second;
    } catch (error) {
      await second.close();
      throw error;
    }
  }
}

/** `in_failed_sql_transaction` is the answer of a session that is there. */
function ifAlive(error: unknown): void {
  if ((error as { code?: unknown }).code !== '25P02') throw error;
}
