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

/** Each one waits for another transaction to end, so many sites may be set up on a server at once. */
const SHARED_ATTEMPTS = 20;

/**
 * Runs `work` in a transaction that changes what the whole server has once, as rights on parameters: of two that do,
 * PostgreSQL ends the one that waited for the other. It begins again then, with what the other one made.
 */
export async function inSharedTransaction<T>(client: Client, work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await inTransaction(client, work);
    } catch (error) {
      if (attempt === SHARED_ATTEMPTS || !isOvertaken(error)) throw error;
    }
  }
}

/** Another transaction changed the same row of a catalogue. An internal error; its message is in no other language. */
export function isOvertaken(error: unknown): boolean {
  const { code, message } = error as { code?: unknown; message?: unknown };
  return code === 'XX000' && /^tuple concurrently (updated|deleted)/.test(String(message));
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
