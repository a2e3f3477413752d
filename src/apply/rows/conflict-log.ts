import type { Client } from 'pg';
import type { Entity } from '../../model/ir/ir.ts';
import { QUEUE_HAS_ROOM } from '../../sql/names/notify-queue.ts';
import type { ShapeColumn } from '../../sql/names/shape.ts';
import type { Conflict } from '../../merge/types.ts';

/** Longer values are replaced by their length: a conflict row must never stop apply. */
const MAX_VALUE = 64 * 1024;

/** Listeners on the channel `crp_conflict` get each conflict's id, entity, type and status as JSON. */
const INSERT = `
  WITH recorded AS (INSERT INTO crp.conflict (entity, key, type, column_group, method, winner, origin, origin_site,
    local_stamp, remote_stamp, local_row, remote_row, reason, status)
  SELECT v.entity, v.key::jsonb, v.type, v.column_group, v.method, v.winner, v.origin, v.origin_site,
    v.local_stamp::bigint, v.remote_stamp::bigint, v.local_row::jsonb, v.remote_row::jsonb, v.reason, v.status
  FROM jsonb_to_recordset($1::jsonb) AS v(entity text, key text, type text, column_group text,
    method text, winner text, origin integer, origin_site text, local_stamp text, remote_stamp text,
    local_row text, remote_row text, reason text, status text)
  RETURNING id, entity, type, status)
  SELECT pg_notify('crp_conflict', to_json(recorded)::text) FROM recorded WHERE ${QUEUE_HAS_ROOM}`;

/** A conflict with everything that its row in `crp.conflict` says. */
export interface ConflictEntry {
  entity: Entity;
  columns: readonly ShapeColumn[];
  conflict: Omit<Conflict, 'type' | 'winner'> & { type: string; winner: string };
  local: readonly (string | null)[] | undefined;
  remote: readonly (string | null)[] | undefined;
  status: 'resolved' | 'parked';
}

/** Records conflicts in the caller's transaction, so that a conflict is known if and only if it happened. */
export async function recordConflicts(
  client: Client,
  entries: readonly ConflictEntry[],
  origin: { number: number; name: string },
): Promise<void> {
  if (entries.length === 0) return;
  const rows = entries.map((entry) => ({
    entity: entry.entity.name,
    // Beside a row that waits the one in its way is shown, which has another key.
    key: recordedKey(entry, entry.remote ?? entry.local),
    type: entry.conflict.type,
    column_group: entry.conflict.group ?? null,
    method: entry.conflict.method,
    winner: entry.conflict.winner,
    origin: origin.number,
    origin_site: origin.name,
    local_stamp: entry.conflict.localStamp.toString(),
    remote_stamp: entry.conflict.remoteStamp.toString(),
    local_row: recordedImage(entry, entry.local),
    remote_row: recordedImage(entry, entry.remote),
    reason: entry.conflict.reason,
    status: entry.status,
  }));
  await client.query({ name: 'crp_conflict', text: INSERT, values: [JSON.stringify(rows)] });
}

/** A row as JSON text, without the hidden columns and without secrets. */
export function recordedImage(
  { columns, entity }: Pick<ConflictEntry, 'columns' | 'entity'>,
  values: readonly (string | null)[] | undefined,
): string | null {
  if (values === undefined) return null;
  const object: Record<string, unknown> = {};
  const secret = secretColumns(entity);
  for (const [index, column] of columns.entries()) {
    if (column.name.startsWith('_crp_')) continue;
    const value = values[index] ?? null;
    object[column.name] =
      value === null
        ? null
        : secret.has(column.name)
          ? { secret: true }
          : value.length > MAX_VALUE
            ? { omitted: value.length }
            : value;
  }
  return JSON.stringify(object);
}

/** The key, whole: what waits is found by it (src/apply/slow/waiting.ts). It is never secret, and no longer than an index takes. */
function recordedKey(
  { columns, entity }: ConflictEntry,
  values: readonly (string | null)[] | undefined,
): string | null {
  if (values === undefined) return null;
  const key = columns.flatMap(({ name }, at): [string, string | null][] =>
    entity.key.includes(name) ? [[name, values[at] ?? null]] : [],
  );
  return JSON.stringify(Object.fromEntries(key));
}

function secretColumns(entity: Entity): ReadonlySet<string> {
  return new Set(entity.columns.filter(({ secret }) => secret === true).map(({ name }) => name));
}
