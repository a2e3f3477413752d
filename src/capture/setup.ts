import { AppError } from '../base/errors.ts';
import { endOnAbort } from '../postgres/cancel.ts';
import { withConnection } from '../postgres/connect.ts';
import { TYPE_NAMES } from './relations.ts';

/**
 * Memory of transactions in progress beyond which the walsender sends the largest one while it runs, in kB
 * (`logical_decoding_work_mem`). Less than the default of 64 MB, so that the other sites begin early and
 * neither server nor agent holds much; a lower setting of the server's counts.
 */
const DECODING_KB = 8192;

/** What capture has to know of the database: names of types, and how much its walsender may hold. */
export async function readSettings(
  dsn: string,
): Promise<{ types: Map<number, string>; memoryKb: number }> {
  return withConnection(dsn, 'syncline capture setup', async (client) => {
    const found = await client.query<{ oid: string; name: string }>(TYPE_NAMES);
    const { rows } = await client.query<{ kb: number }>(
      `SELECT least(setting::integer, ${DECODING_KB}) AS kb FROM pg_settings WHERE name = 'logical_decoding_work_mem'`,
    );
    const types = new Map(found.rows.map((row) => [Number(row.oid), row.name]));
    return { types, memoryKb: rows[0]!.kb };
  });
}

/**
 * Makes the slot if there is none, which waits for all transactions of the server that have written.
 *
 * @param signal gives up
 * @throws AppError WAL_LEVEL, SLOT_INVALID or the database's error
 */
export async function ensureSlot(dsn: string, slot: string, signal?: AbortSignal): Promise<void> {
  await withConnection(dsn, 'syncline capture setup', async (client) => {
    await endOnAbort(client, dsn, signal);
    const { rows } = await client.query<{ wal_status: string | null }>(
      'SELECT wal_status FROM pg_replication_slots WHERE slot_name = $1',
      [slot],
    );
    if (rows[0]?.wal_status === 'lost') {
      throw new AppError('SLOT_LOST', `Replication slot "${slot}" lost its WAL`, {
        hint: 'Raise max_slot_wal_keep_size and join the site again with a new base copy',
      });
    }
    if (rows.length > 0) return;
    await client.query(`SELECT pg_create_logical_replication_slot($1, 'pgoutput')`, [slot]);
  });
}
