import { Client } from 'pg';
import type { ClientConfig } from 'pg';
import { AppError } from '../base/errors.ts';

/** Longest time to set up a connection. */
const CONNECT_LIMIT_MS = 10_000;

/**
 * Opens a session.
 *
 * @param application shown in `pg_stat_activity`
 * @throws AppError DATABASE_UNREACHABLE (retry: later) or DATABASE_REFUSED with what to do
 */
export async function connect(
  dsn: string,
  application: string,
  extra: ClientConfig = {},
): Promise<Client> {
  const client = new Client({
    connectionString: dsn,
    application_name: application,
    connectionTimeoutMillis: CONNECT_LIMIT_MS,
    keepAlive: true,
    ...extra,
  });
  // A broken connection also fails the query under way, which is where it is handled.
  client.on('error', () => undefined);
  try {
    await client.connect();
  } catch (error) {
    await client.end().catch(() => undefined);
    throw connectError(dsn, error);
  }
  return client;
}

/**
 * As `connect`, a session that several callers share: their queries take turns. node-postgres itself is about
 * to refuse a query while another one runs. Only for queries that return a promise, and for no transactions.
 */
export async function connectShared(dsn: string, application: string): Promise<Client> {
  const client = await connect(dsn, application);
  const query = client.query.bind(client) as (...args: unknown[]) => Promise<unknown>;
  let turn: Promise<unknown> = Promise.resolve();
  const inTurn = (...args: unknown[]): Promise<unknown> => {
    const next = turn.then(() => query(...args));
    turn = next.catch(() => undefined);
    return next;
  };
  client.query = inTurn as Client['query'];
  return client;
}

/** Runs `work` with a session and closes it. */
export async function withConnection<T>(
  dsn: string,
  application: string,
  work: (client: Client) => Promise<T>,
): Promise<T> {
  const client = await connect(dsn, application);
  try {
    return await work(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** Where a connection string points, without its password. */
export function describeDsn(dsn: string): string {
  try {
    const url = new URL(dsn);
    return `${url.username}@${url.host}${url.pathname}`;
  } catch {
    return 'the database';
  }
}

function connectError(dsn: string, error: unknown): AppError {
  const { code, message } = error as { code?: string; message: string };
  if (code !== undefined && /^(28|3D|42)/.test(code)) {
    return new AppError('DATABASE_REFUSED', `${describeDsn(dsn)} refused the session: ${message}`, {
      hint: 'Check user, password and database name of the connection string',
      cause: error,
    });
  }
  return new AppError('DATABASE_UNREACHABLE', `Cannot reach ${describeDsn(dsn)}: ${message}`, {
    hint: 'Is the server running, and are host and port right?',
    retry: 'later',
    cause: error,
  });
}

const TRANSIENT = /^(08|40001|40P01|55P03|53300|57P0|XX000|25P0[23])/;

/** PostgreSQL's major version. */
export async function serverMajor(client: Client): Promise<number> {
  const { rows } = await client.query<{ number: number }>(
    `SELECT current_setting('server_version_num')::integer AS number`,
  );
  return Math.floor(rows[0]!.number / 10_000);
}

/** `object_in_use`: somebody, perhaps a session that has not ended yet, has the slot or replication origin. */
export function isInUse(error: unknown): boolean {
  return (error as { code?: unknown }).code === '55006';
}

/** True for errors after which the same work may succeed: connection lost, deadlock, lock time-out, restart. */
export function isTransient(error: unknown): boolean {
  const { code, message } = error as { code?: unknown; message?: unknown };
  if (error instanceof AppError) return error.retry !== 'never';
  if (typeof code === 'string' && TRANSIENT.test(code)) return true;
  if (typeof code === 'string' && /^(ECONN|EPIPE|ETIMEDOUT|ENOTFOUND)/.test(code)) return true;
  return (
    typeof message === 'string' && /Connection terminated|not queryable|timeout exp/.test(message)
  );
}
