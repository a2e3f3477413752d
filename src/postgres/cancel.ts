import type { Client } from 'pg';
import { withConnection } from './connect.ts';

/**
 * Ends a session when the signal comes. What it runs is cancelled first (`pg_cancel_backend`), since a server that
 * waits for a lock or a transaction does not notice that its client has gone.
 *
 * @param dsn of the same role, or of a superuser
 * @returns from then on the session is left alone
 */
export async function endOnAbort(
  client: Client,
  dsn: string,
  signal: AbortSignal | undefined,
): Promise<() => void> {
  if (signal === undefined) return () => undefined;
  signal.throwIfAborted();
  const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  const end = (): void => {
    const cancel = withConnection(dsn, 'syncline cancel', (other) =>
      other.query('SELECT pg_cancel_backend($1)', [rows[0]!.pid]),
    );
    void cancel.catch(() => undefined).then(() => client.end().catch(() => undefined));
  };
  signal.addEventListener('abort', end, { once: true });
  return () => signal.removeEventListener('abort', end);
}
