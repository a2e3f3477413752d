import type { Client } from 'pg';

/**
 * Runs `work` in a transaction; what it throws rolls back.
 *
 * @param begin the statements that begin it
 */
export async function inTransaction<T>(
  client: Client,
  work: () => Promise<T>,
  begin = 'BEGIN',
): Promise<T> {
  await client.query(begin);
  try {
    const result = await work();
    await client.query('COMMIT');
    return result;
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined);
    throw error;
  }
}

/** Runs statements one after the other. */
export async function runAll(client: Client, statements: readonly string[]): Promise<void> {
  for (const statement of statements) await client.query(statement);
}
