import type { Client } from 'pg';
import { AppError } from '../base/errors.ts';
import type { Model } from '../model/ir/ir.ts';
import { ident } from '../model/ir/names.ts';
import { connect, serverMajor } from '../postgres/connect.ts';
import { SAY_FOREIGN, useReplicationOrigin } from '../postgres/origin.ts';
import { tableOf } from '../sql/names/apply-names.ts';
import { beginImmediate, DEFERRED_CONSTRAINTS } from '../sql/ddl/deferrable-sql.ts';
import type { DeferredConstraint } from '../sql/ddl/deferrable-sql.ts';
import { Catalog } from './catalog.ts';
import type { EntityNet } from './fold/entity-net.ts';
import { FastPath } from './fast/fast-path.ts';
import { HistoryPath } from './history/history-path.ts';
import type { HistoryContext } from './history/history-path.ts';
import { Orphans } from './slow/orphans.ts';
import { SlowPath } from './slow/slow-path.ts';
import { SlowTable } from './slow/slow-table.ts';

/** Longest wait for a row lock; then the transaction is rolled back and tried again. */
const LOCK_TIMEOUT_MS = 5_000;
/**
 * Who has waited so long for a lock looks once for a deadlock, and is rolled back if it is in one. A service's
 * transaction looks after a second (the server's default): apply is to come first, since it does again what it rolls
 * back. Where it waited first, the service has so long to close the circle; with more, apply would be late where the
 * service waited first.
 */
const DEADLOCK_TIMEOUT_MS = 200;
/** Sites of earlier versions have no right to it (docs/operating/roles.md). */
const YIELD_IN_DEADLOCK =
  `SELECT set_config('deadlock_timeout', '${DEADLOCK_TIMEOUT_MS}ms', false) ` +
  `WHERE has_parameter_privilege('deadlock_timeout', 'SET')`;

/** The name in `pg_stat_activity` of the session that uses a replication origin; short enough for any site's name. */
function applicationOf(originName: string): string {
  return `syncline apply ${originName}`;
}

/** Replication origins of the sessions that apply an origin's changes beside the first one. */
export function originsBeside(originName: string): { ahead: string; stream: string } {
  return { ahead: `${originName}_ahead`, stream: `${originName}_stream` };
}

/** Sessions of earlier connections that have not ended. Other roles may call theirs as they like. */
const LEFT_OVER = `SELECT FROM pg_stat_activity WHERE application_name = ANY ($1) AND datname = current_database()
  AND usename = current_user`;

export interface ApplySessionOptions extends HistoryContext {
  dsn: string;
  /** Name of the replication origin; one session at a time may use it. */
  originName: string;
  models: readonly Model[];
}

/**
 * A database session that applies changes: as a replica (the service's own triggers stay silent unless
 * they are ENABLE ALWAYS) and under a replication origin (so that capture leaves its transactions out).
 *
 * Commits are asynchronous (`synchronous_commit = off`, as in PostgreSQL's own apply worker): data and
 * progress are lost or kept together, and the journal still has what a crash takes back.
 */
export class ApplySession {
  readonly client: Client;
  readonly catalog: Catalog;
  readonly fast: FastPath;
  readonly slow: SlowPath;
  /** For entities that keep history, in the place of the other two. */
  readonly history: HistoryPath;
  readonly orphans: Orphans;
  readonly slowTable: SlowTable;
  readonly #begin: string;
  /** A transaction was begun ahead. */
  #begun = false;

  private constructor(client: Client, options: ApplySessionOptions, begin: string) {
    this.client = client;
    this.#begin = begin;
    this.catalog = new Catalog(client, options.models);
    this.fast = new FastPath(client);
    this.slowTable = new SlowTable(client);
    this.slow = new SlowPath(client, options, this.slowTable);
    this.history = new HistoryPath(client, options, this.slowTable);
    this.orphans = new Orphans(client, options.models);
  }

  /** @throws the database's or the network's error; the caller decides about trying again */
  static async open(options: ApplySessionOptions): Promise<ApplySession> {
    const client = await connect(options.dsn, applicationOf(options.originName));
    try {
      const begin = await prepareForeign(client, options.models, options.originName);
      return new ApplySession(client, options, begin);
    } catch (error) {
      await client.end().catch(() => undefined);
      throw error;
    }
  }

  /**
   * Makes sure that no session of a connection that was lost can still commit with another of these origins: what was
   * applied is known only then. The own origin is free, or this session would not have it.
   *
   * @throws AppError APPLY_BUSY, which passes
   */
  async checkOnlyOne(originNames: readonly string[]): Promise<void> {
    const { rowCount } = await this.client.query(LEFT_OVER, [originNames.map(applicationOf)]);
    if (rowCount === 0) return;
    throw new AppError('APPLY_BUSY', 'A session of an earlier connection has not ended yet', {
      retry: 'later',
    });
  }

  /** Begins a transaction, or goes on with the one that was begun ahead. */
  async begin(): Promise<void> {
    if (this.#begun) {
      this.#begun = false;
      return;
    }
    await this.client.query(this.#begin);
  }

  /** Begins the next transaction and stages what was encoded for it: of each plan the first, which is applied first. */
  async stageAhead(nets: readonly EntityNet[]): Promise<void> {
    await this.begin();
    this.#begun = true;
    const plans = new Set<number>();
    for (const net of nets) {
      if (net.copy !== undefined && !plans.has(net.plan.id)) await this.fast.stage(net);
      plans.add(net.plan.id);
    }
  }

  /** Commits: what was staged is gone, and is not kept in memory either. */
  async commit(): Promise<void> {
    await this.client.query('COMMIT');
    this.fast.forgetStaged();
  }

  /** Rolls the transaction back, and with it the staging tables that it made. */
  async rollback(): Promise<void> {
    this.fast.forgetTables();
    this.slowTable.forgetTables();
    await this.client.query('ROLLBACK');
  }

  async close(): Promise<void> {
    await this.client.end().catch(() => undefined);
  }
}

/**
 * Settings of a session that writes what was decided elsewhere: as a replica, and with limits on waiting.
 *
 * @returns the statement that begins its transactions
 */
export async function prepareSession(client: Client, models: readonly Model[]): Promise<string> {
  // Trigger functions of services call unqualified names; PostgreSQL's own apply worker runs them with
  // an empty search_path and fails for ever (Kea's lease triggers).
  const schemas = [...new Set(models.map((model) => model.schema)), 'public'];
  await client.query(`SELECT set_config('search_path', $1, false)`, [
    schemas.map(ident).join(', '),
  ]);
  await client.query(
    `SET session_replication_role = replica; SET synchronous_commit = off; ` +
      `SET lock_timeout = ${LOCK_TIMEOUT_MS}; SET jit = off`,
  );
  await client.query(YIELD_IN_DEADLOCK);
  const tables = models.flatMap((model) => model.entities).map(tableOf);
  const { rows } = await client.query<DeferredConstraint>(DEFERRED_CONSTRAINTS, [tables]);
  return beginImmediate(rows);
}

/**
 * As `prepareSession`, of a session that writes what other sites made: under a replication origin. From version 16 on the
 * server leaves that out of capture; before, its transactions say so first.
 *
 * @returns the statements that begin its transactions
 * @throws the database's error, 55006 while another session uses the origin
 */
export async function prepareForeign(
  client: Client,
  models: readonly Model[],
  originName: string,
): Promise<string> {
  const begin = await prepareSession(client, models);
  await useReplicationOrigin(client, originName);
  return (await serverMajor(client)) < 16 ? `${begin}; ${SAY_FOREIGN}` : begin;
}
