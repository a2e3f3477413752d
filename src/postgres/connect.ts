import { Client } from 'pg';
import type { ClientConfig } from 'pg';
import { AppError } from '../base/errors.ts';
import { connectError, lost } from './connect-errors.ts';
import { SESSION_OPTIONS, settleSession, trustPath } from './session-settings.ts';

/** Longest time to set up a connection. */
const CONNECT_LIMIT_MS = 10_000;

/** How a session differs from others of ours. */
export interface ConnectOptions {
  /** A walsender of the database. */
  replication?: 'database';
  /** Further settings, by name. */
  settings?: Readonly<Record<string, string | number>>;
}

/**
 * Opens a session of ours, with the settings that our SQL relies on whatever those of server, database and role are.
 *
 * @param application shown in `pg_stat_activity`
 * @throws AppError DATABASE_UNREACHABLE, DATABASE_BUSY (retry: later), DATABASE_REFUSED, DATABASE_POOLED or DATABASE_CERTIFICATE with what to do
 */
export async function connect(
  dsn: string,
  application: string,
  { replication, settings = {} }: ConnectOptions = {},
): Promise<Client> {
  const own = Object.entries(settings).map(([name, value]) => `-c ${name}=${value}`);
  const client = newClient(dsn, application, replication && { replication });
  // Of the connection string's or of PGOPTIONS.
  const parameters = (client as unknown as { connectionParameters: { options?: string } })
    .connectionParameters;
  parameters.options = [parameters.options, SESSION_OPTIONS, ...own].filter(Boolean).join(' ');
  return open(client, dsn, () => settleSession(client));
}

/** Opens a session with the settings of the server, the database and the role, as the service itself has it. */
export function connectPlain(dsn: string, application: string): Promise<Client> {
  return open(newClient(dsn, application), dsn);
}

function newClient(dsn: string, application: string, extra: object = {}): Client {
  const config: ClientConfig = {
    connectionString: asInLibpq(dsn),
    application_name: application,
    connectionTimeoutMillis: CONNECT_LIMIT_MS,
    keepAlive: true,
    ...extra,
  };
  return new Client(config);
}

/** `sslmode` as in libpq (PostgreSQL manual, 32.19.1): for node-postgres `require` is `verify-full` too. */
function asInLibpq(dsn: string): string {
  return /[?&]sslmode=/.test(dsn) && !dsn.includes('uselibpqcompat=')
    ? `${dsn}&uselibpqcompat=true`
    : dsn;
}

/** What broke connections: whatever fails after it says only that nothing can be written any more. */
const broken = new WeakMap<Client, Error>();

async function open(client: Client, dsn: string, prepare?: () => Promise<void>): Promise<Client> {
  // A broken connection also fails the query under way, which is where it is handled.
  client.on('error', (error) => broken.set(client, broken.get(client) ?? error));
  try {
    await client.connect();
    await prepare?.();
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
export async function connectShared(
  dsn: string,
  application: string,
  options: ConnectOptions = {},
): Promise<Client> {
  const client = await connect(dsn, application, options);
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

/**
 * Runs `work` with a session and closes it.
 *
 * @throws AppError DATABASE_LOST where the connection breaks meanwhile; those of `connect`, and what `work` throws
 */
export async function withConnection<T>(
  dsn: string,
  application: string,
  work: (client: Client) => Promise<T>,
): Promise<T> {
  const client = await connect(dsn, application);
  try {
    return await work(client);
  } catch (error) {
    throw lost(dsn, broken.get(client), error);
  } finally {
    await client.end().catch(() => undefined);
  }
}

/**
 * As `withConnection`, with a session of a superuser: nothing in it is looked up where somebody else may have put something
 * (`trustPath`).
 *
 * @throws AppError DATABASE_PATH where a type is not found for that reason
 */
export async function withSuperuser<T>(
  dsn: string,
  application: string,
  work: (client: Client) => Promise<T>,
): Promise<T> {
  return withConnection(dsn, application, async (client) => {
    const leftOut = await trustPath(client);
    try {
      return await work(client);
    } catch (error) {
      throw notFound(error, leftOut);
    }
  });
}

/** Says of a type that is not found (undefined_object) where it was not looked for. */
function notFound(error: unknown, leftOut: readonly string[]): unknown {
  if ((error as { code?: unknown }).code !== '42704' || leftOut.length === 0) return error;
  const schemas = leftOut.map((schema) => `"${schema}"`).join(', ');
  return new AppError('DATABASE_PATH', (error as Error).message, {
    hint:
      `A superuser's session does not look into schemas where others may make something: ${schemas}. Write the schema in ` +
      'the model (crp:sql-type "public.citext"). Where a model without it is installed, give the schema to a superuser ' +
      '(ALTER SCHEMA … OWNER TO …) and take CREATE in it from the others',
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
