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

/** Statements that travel together. */
const TOGETHER = 100;

/**
 * Runs statements one after the other, many with one message: a model of hundreds of tables has thousands, tables are
 * locked meanwhile, and the server may be far away.
 */
export async function runAll(client: Client, statements: readonly string[]): Promise<void> {
  for (let at = 0; at < statements.length; at += TOGETHER) {
    await client.query(statements.slice(at, at + TOGETHER).join(';\n'));
  }
}
