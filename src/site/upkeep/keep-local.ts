import type { Client } from 'pg';
import { AppError } from '../../base/errors.ts';
import type { Entity } from '../../model/ir/ir.ts';
import { tableOf } from '../../sql/names/apply-names.ts';
import { ident } from '../../model/ir/names.ts';
import { isAdditive } from '../../sql/names/shape.ts';
import { QUEUE_HAS_ROOM } from '../../sql/names/notify-queue.ts';
import { isKey } from '../../sql/ddl/waiting-ddl.ts';
import { STAMP_NOW } from '../../sql/ddl/stamp-clock.ts';
import { bearAnew, sameAs } from './bear-anew.ts';

/**
 * Keeps the row that is in the table against the one that waits: its column groups get stamps after those of
 * the waiting row, so every site follows. What was added to counters meanwhile stays in the sum. Does nothing
 * for a key that does not wait. Where what waits is a later insert the row is inserted again, after it (bear-anew.ts). In the
 * caller's transaction.
 *
 * @throws AppError CONFLICT_IMAGE when there is no row in the table, or the entity keeps history
 */
export async function keepLocal(client: Client, entity: Entity, key: object): Promise<void> {
  const { rows } = await client.query<{ row: Record<string, string | null> }>(
    `SELECT row FROM crp.waiting WHERE entity = $1 AND ${isKey('key', '$2::jsonb')} FOR UPDATE`,
    [entity.name, JSON.stringify(key)],
  );
  const waiting = rows[0]?.row;
  if (waiting === undefined) return;
  if (entity.history !== undefined) {
    // A write over the older form counts as one that did not know of what waits, and their method decides again.
    throw new AppError('CONFLICT_IMAGE', `"${entity.name}" keeps history: what waits stays in it`, {
      hint: 'Change the row in its way, or delete this one',
    });
  }
  if (await bearAnew(client, entity, key)) return wakeSettler(client);
  const groups = entity.groups.filter((group) => !isAdditive(group));
  const set = groups.map(({ stamp }, at) => {
    const old = `greatest(t.${ident(stamp)}, $${at + 2}::bigint)`;
    const time = `greatest(now.at, (${old} >> 11) + 1)`;
    return (
      `${ident(stamp)} = CASE WHEN t.${ident(stamp)} >= $${at + 2}::bigint THEN t.${ident(stamp)} ` +
      `ELSE (${time} << 11) | now.number END`
    );
  });
  // As a replica: the trigger would keep the stamps of groups whose values stay.
  await client.query('SET LOCAL session_replication_role = replica');
  const kept = await client.query(
    `UPDATE ${tableOf(entity)} AS t SET ${set.join(', ')} FROM (SELECT s.number, ` +
      `${STAMP_NOW} AS at FROM crp.site AS s) AS now ` +
      `WHERE ${sameAs(entity, 't')}`,
    [JSON.stringify(key), ...groups.map(({ stamp }) => waiting[stamp] ?? '0')],
  );
  await client.query('SET LOCAL session_replication_role = origin');
  if (kept.rowCount === 0) {
    throw new AppError('CONFLICT_IMAGE', 'The row waits outside the table: there is none to keep', {
      hint: `Settle with other values, --keep '{"column": "value"}', or change the row in its way`,
    });
  }
  await wakeSettler(client);
}

async function wakeSettler(client: Client): Promise<void> {
  await client.query(`SELECT pg_notify('crp_waiting', '') WHERE ${QUEUE_HAS_ROOM}`);
}
