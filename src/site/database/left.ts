import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from 'pg';
import type { Model } from '../../model/ir/ir.ts';
import { isInUse, withConnection, withSuperuser } from '../../postgres/connect.ts';
import { tableOf } from '../../sql/names/apply-names.ts';
import { literal } from '../../sql/ddl/catalog-ddl.ts';
import { DEFAULT_LOCKING, withTableLocks } from './adoption.ts';
import { runAll } from '../../postgres/transaction.ts';

/** How long the server may take to notice that the agent is gone. */
const DROP_MS = 20_000;
const LOOK_MS = 100;

/* What is taken out of the database of a site that has left its group. The agent must have ended. */

/** Drops the slot, which would hold the server's WAL for ever. As the agent's role; does nothing without a slot. */
export async function dropSlot(dsn: string, slot: string): Promise<void> {
  const drop = `SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = $1`;
  await whenFree(() =>
    withConnection(dsn, 'syncline leave', (client) => client.query(drop, [slot])),
  );
}

/**
 * Statements, for a superuser, that end what grows or costs without a group: the triggers that record deletes and
 * histories, the old rows in the WAL, the publication. Stamps, and what a model forbids, stay as they were.
 */
export function releaseStatements(models: readonly Model[]): string[] {
  const triggers = ['zz_crp_tombstone', 'zz_crp_history', 'zz_crp_truncate'];
  return [
    'DROP PUBLICATION IF EXISTS crp',
    ...models
      .flatMap(({ entities }) => entities)
      .flatMap((entity) => [
        ...triggers.map((trigger) => `DROP TRIGGER IF EXISTS ${trigger} ON ${tableOf(entity)}`),
        `ALTER TABLE ${tableOf(entity)} REPLICA IDENTITY DEFAULT`,
      ]),
  ];
}

/** Statement, for a superuser, that drops the replication origins of a site; they belong to the whole server. */
export function dropOriginsStatement(site: string): string {
  return (
    'SELECT pg_replication_origin_drop(roname) FROM pg_replication_origin ' +
    `WHERE starts_with(roname, ${literal(`crp_${site}_`)})`
  );
}

/**
 * Runs those statements.
 *
 * @param adminUrl of a superuser
 * @throws AppError ADOPT_BUSY when the tables are in use all the time
 */
export async function release(
  adminUrl: string,
  site: string,
  models: readonly Model[],
): Promise<void> {
  const entities = models.flatMap((model) => model.entities);
  await withSuperuser(adminUrl, 'syncline leave', async (client: Client) => {
    await withTableLocks(client, { entities, policy: DEFAULT_LOCKING }, async (lock) => {
      await lock();
      await runAll(client, releaseStatements(models));
    });
    await whenFree(() => client.query(dropOriginsStatement(site)));
  });
}

/** Tries again while the server has not noticed yet that the agent is gone. */
async function whenFree(work: () => Promise<unknown>): Promise<void> {
  const deadline = Date.now() + DROP_MS;
  for (;;) {
    try {
      await work();
      return;
    } catch (error) {
      if (!isInUse(error) || Date.now() > deadline) throw error;
    }
    await delay(LOOK_MS);
  }
}
