import type { Client } from 'pg';

/** Prefix of the logical message of a transaction that it applies other sites' changes. */
export const FOREIGN_MESSAGE = 'crp.foreign';

/**
 * The statement that writes it. Before version 16 pgoutput names the replication origin of a stream with its first block, and
 * only if what the transaction did first was a change of a row: not if it made a staging table.
 */
export const SAY_FOREIGN = `SELECT pg_logical_emit_message(true, '${FOREIGN_MESSAGE}', '')`;

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
