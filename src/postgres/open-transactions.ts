import type { Client } from 'pg';

/**
 * The oldest transactions of the server that have written and not ended, in any of its databases, those that were
 * prepared among them; empty if there are none. A new logical slot waits for all of them (PostgreSQL manual, 47.2.2).
 * Every role may ask; of other roles' sessions it does not learn name and time.
 */
export async function openTransactions(client: Client): Promise<string> {
  const { rows } = await client.query<{ who: string }>(
    `SELECT format('process %s (%s, database %s)%s', a.pid, coalesce(nullif(a.application_name, ''), a.usename),
       a.datname, ' since ' || date_trunc('second', a.xact_start)) AS who, age(l.transactionid) AS old
     FROM pg_locks AS l JOIN pg_stat_activity AS a ON a.pid = l.pid
     WHERE l.locktype = 'transactionid' AND l.granted AND a.pid <> pg_backend_pid()
     UNION ALL SELECT format('prepared transaction %L (database %s) since %s', gid, database,
       date_trunc('second', prepared)), age(transaction) FROM pg_prepared_xacts
     ORDER BY old DESC LIMIT 3`,
  );
  return rows.map(({ who }) => who).join('; ');
}
