import type { Client } from 'pg';
import { AppError } from '../../base/errors.ts';
import { endOnAbort } from '../../postgres/cancel.ts';
import { withConnection } from '../../postgres/connect.ts';
import { parseLsn } from '../../postgres/lsn.ts';
import { openTransactions } from '../../postgres/open-transactions.ts';

/** The copy begins when the transactions that wrote before it have ended. The new site waits for 60 s for a sign. */
const SLOT_MS = 45_000;

/**
 * Makes a temporary slot, which lives as long as the connection, and exports its snapshot.
 *
 * @param signal the new site went away
 * @returns the slot's consistent point, and the snapshot that has exactly what is up to there
 * @throws AppError BASE_WAITS when transactions of this server were open all the time
 */
export async function exportSnapshot(
  walsender: Client,
  dsn: string,
  signal: AbortSignal,
): Promise<{ position: bigint; snapshot: string }> {
  const limit = AbortSignal.timeout(SLOT_MS);
  const leaveAlone = await endOnAbort(walsender, dsn, AbortSignal.any([signal, limit]));
  const name = `crp_base_${process.pid}_${Date.now()}`;
  try {
    // The old spelling of the option, which PostgreSQL 15 and later still take.
    const { rows } = await walsender.query<{ consistent_point: string; snapshot_name: string }>(
      `CREATE_REPLICATION_SLOT ${name} TEMPORARY LOGICAL pgoutput EXPORT_SNAPSHOT`,
    );
    const { consistent_point: point, snapshot_name: snapshot } = rows[0]!;
    return { position: parseLsn(point), snapshot };
  } catch (error) {
    if (!limit.aborted) throw error;
    const open = await withConnection(dsn, 'syncline base copy', openTransactions);
    throw new AppError('BASE_WAITS', `Transactions of its server do not end: ${open}`);
  } finally {
    leaveAlone();
  }
}
