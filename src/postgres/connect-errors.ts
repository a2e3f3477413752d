/** What connections to a database fail with, in words. */
import { AppError } from '../base/errors.ts';
import { networkText } from '../base/network-errors.ts';
import { pooled } from './session-settings.ts';

/** Where a connection string points, without its password. */
export function describeDsn(dsn: string): string {
  try {
    const url = new URL(dsn);
    return `${url.username}@${url.host}${url.pathname}`;
  } catch {
    return 'the database';
  }
}

/** SQLSTATEs by which the server says of itself that it starts, stops or recovers, or has lost a connection. */
const NOT_READY = /^(08|57P0)/;
/** too_many_connections, of the server, the database, the role, or of walsenders. */
const TOO_MANY = '53300';

/** What a server that cannot be reached, or refuses, says, and what to do. */
export function connectError(dsn: string, error: unknown): AppError {
  if (error instanceof AppError) return error;
  const { code, message } = error as { code?: string; message: string };
  // The server itself knows all that we begin with; in the words of pgbouncer.
  if (message.includes('unsupported startup parameter')) return pooled(message);
  const where = describeDsn(dsn);
  if (code === TOO_MANY) {
    return new AppError('DATABASE_BUSY', `${where} has no room for the session: ${message}`, {
      hint:
        'Raise max_connections or max_wal_senders of the server, or the CONNECTION LIMIT of role or database; ' +
        'or end sessions that are not needed. docs/operating/roles.md says how many an agent has',
      retry: 'later',
      cause: error,
    });
  }
  // Five characters are the server's word; the codes of the network are longer.
  if (code?.length === 5 && !NOT_READY.test(code)) {
    return new AppError('DATABASE_REFUSED', `${where} refused the session: ${message}`, {
      hint: refusalHint(code, message),
      cause: error,
    });
  }
  if (code !== undefined && /CERT|SELF_SIGNED|SIGNATURE|ERR_TLS/.test(code)) {
    return new AppError(
      'DATABASE_CERTIFICATE',
      `The certificate of ${where} is not good: ${message}`,
      {
        hint: 'Name the file of its authority (sslrootcert=FILE); sslmode=require encrypts without a look at it',
        cause: error,
      },
    );
  }
  // Where a name has several addresses the error has no text of its own.
  const why = message || networkText(code ?? 'no answer');
  return new AppError('DATABASE_UNREACHABLE', `Cannot reach ${where}: ${why}`, {
    hint: 'Is the server running, and are host and port right?',
    retry: 'later',
    cause: error,
  });
}

function refusalHint(code: string, message: string): string {
  if (/pg_hba/.test(message)) {
    return (
      'Let the role in, in pg_hba.conf, for this database, which is also what its walsender is matched by; then ' +
      'SELECT pg_reload_conf()'
    );
  }
  if (code === '42501' || /not permitted to log in/.test(message)) {
    return (
      'Give the role its rights again: stop the agent, syncline upgrade --database DSN, start it. CONNECT to the database, ' +
      'where that was taken from all, by GRANT (docs/operating/roles.md)'
    );
  }
  if (/^(28|3D)/.test(code)) {
    return 'Check user, password and database name of the connection string';
  }
  return 'The server says why, or who wrote a login event trigger of the database';
}

/** Says where the connection was that broke; a server that ends a session says so in its own words. */
export function lost(dsn: string, cause: Error | undefined, error: unknown): unknown {
  const { severity } = error as { severity?: unknown };
  if (cause === undefined || error instanceof AppError || severity !== undefined) return error;
  const { code, message } = cause as NodeJS.ErrnoException;
  const why = code === undefined ? message : networkText(code);
  return new AppError('DATABASE_LOST', `The connection to ${describeDsn(dsn)} broke: ${why}`, {
    hint: 'The server crashed or was stopped, or the network is cut: its log says which. Try again when it is up',
    retry: 'later',
    cause: error,
  });
}
