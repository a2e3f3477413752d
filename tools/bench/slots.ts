import { setTimeout as delay } from 'node:timers/promises';
import { withConnection } from '../../src/postgres/connect.ts';
import type { Server } from './servers.ts';

/** Longest time for a walsender to notice that its client is gone. */
const LIMIT_MS = 10_000;

/** Drops a replication slot, if it is there; the walsender of a killed agent may need a moment to notice. */
export async function dropSlot(server: Server, slot: string): Promise<void> {
  await withConnection(server.dsn('postgres'), 'bench', async (client) => {
    const end = Date.now() + LIMIT_MS;
    for (;;) {
      try {
        await client.query(
          `SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots
           WHERE slot_name = $1 AND active`,
          [slot],
        );
        await client.query(
          'SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = $1',
          [slot],
        );
        return;
      } catch (error) {
        if (Date.now() > end) throw error;
        await delay(50);
      }
    }
  });
}
