import type { Client } from 'pg';

/**
 * Makes the session write under a replication origin, which is created when it is not there: what it
 * commits is not captured (PostgreSQL manual, 9.28.6 "Replication Management Functions"). Origins belong to
 * the whole server; one session at a time may use one.
 *
 * @throws the database's error, 55006 while another session uses the origin
 */
export async function useReplicationOrigin(client: Client, name: string): Promise<void> {
  await client.query(
    `SELECT pg_replication_origin_create($1) WHERE NOT EXISTS ` +
      `(SELECT FROM pg_replication_origin WHERE roname = $1)`,
    [name],
  );
  await client.query('SELECT pg_replication_origin_session_setup($1)', [name]);
}
