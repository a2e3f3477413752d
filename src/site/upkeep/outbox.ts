import type { Client } from 'pg';
import type { Model } from '../../model/ir/ir.ts';
import { FOLD_OUTBOX, SEND_OUTBOX } from '../../sql/ddl/outbox-ddl.ts';

/**
 * Tells what `crp:after-apply` could not tell when rows were applied, since the queue of notifications had no room. What is
 * told and what is forgotten is one statement, so that nothing is lost.
 *
 * @throws the database's error; what was to be told stays
 */
export async function sendOutbox(client: Client, models: readonly Model[]): Promise<void> {
  const told = models
    .flatMap(({ entities }) => entities)
    .flatMap(({ name, afterApply }) => (afterApply === undefined ? [] : [[name, afterApply]]));
  if (told.length === 0) return;
  await client.query(SEND_OUTBOX, [told.map(([name]) => name), told.map(([, channel]) => channel)]);
  await client.query(FOLD_OUTBOX);
}
