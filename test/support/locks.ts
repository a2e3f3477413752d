import type { Client } from 'pg';

/** Whether a session of the same server waits for a lock that another one holds. */
export async function isWaitedFor(sql: Client, holder: Client): Promise<boolean> {
  const { rowCount } = await sql.query(
    'SELECT FROM pg_stat_activity WHERE $1 = ANY (pg_blocking_pids(pid))',
    [(holder as unknown as { processID: number }).processID],
  );
  return rowCount !== 0;
}
