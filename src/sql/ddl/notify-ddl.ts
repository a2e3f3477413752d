import type { Entity } from '../../model/ir/ir.ts';
import { dollarQuote, ident } from '../../model/ir/names.ts';
import { tableOf } from '../names/apply-names.ts';
import { QUEUE_HAS_ROOM } from '../names/notify-queue.ts';
import { literal } from './catalog-ddl.ts';

/** Rows whose keys are told; of more only the number is. */
const MAX_KEYS = 100;
/** Longest payload, in bytes; PostgreSQL takes less than 8000 (NOTIFY). */
const MAX_PAYLOAD = 7900;

const EVENTS = [
  ['insert', 'NEW'],
  ['update', 'NEW'],
  ['delete', 'OLD'],
] as const;

/**
 * Triggers that notify the channel of `crp:after-apply`, one a statement. ENABLE REPLICA: they fire in sessions
 * that write what other sites wrote (session_replication_role = replica) and in no others. The notification is
 * sent when the transaction commits. Where the queue has no room, only how many rows it is of is noted, for later
 * (`sendOutbox`).
 */
export function notifyDdl(entity: Entity): string[] {
  const channel = entity.afterApply;
  if (channel === undefined) return [];
  const table = tableOf(entity);
  const name = ident(`applied_${entity.tombstone}`);
  return [
    notifyFunction(entity, { name, channel }),
    ...EVENTS.flatMap(([event, rows]) => [
      `CREATE OR REPLACE TRIGGER zz_crp_applied_${event} AFTER ${event.toUpperCase()} ON ${table} ` +
        `REFERENCING ${rows} TABLE AS crp_rows FOR EACH STATEMENT EXECUTE FUNCTION crp.${name}()`,
      `ALTER TABLE ${table} ENABLE REPLICA TRIGGER zz_crp_applied_${event}`,
    ]),
  ];
}

/** Statements that drop the triggers. */
export function dropNotifyDdl(entity: Entity): string[] {
  return EVENTS.map(
    ([event]) => `DROP TRIGGER IF EXISTS zz_crp_applied_${event} ON ${tableOf(entity)}`,
  );
}

function notifyFunction(
  entity: Entity,
  { name, channel }: { name: string; channel: string },
): string {
  const key = entity.key.map((column) => `r.${ident(column)}::text`).join(', ');
  return `CREATE OR REPLACE FUNCTION crp.${name}() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS ${dollarQuote(`
DECLARE
  n bigint := (SELECT count(*) FROM crp_rows);
  payload text;
BEGIN
  IF n = 0 THEN RETURN NULL; END IF;
  IF NOT (${QUEUE_HAS_ROOM}) THEN
    INSERT INTO crp.outbox (entity, rows) VALUES (${literal(entity.name)}, n);
    RETURN NULL;
  END IF;
  IF n <= ${MAX_KEYS} THEN
    SELECT json_build_object('entity', ${literal(entity.name)}, 'rows', n, 'keys', json_agg(json_build_array(${key})))::text
      INTO payload FROM crp_rows AS r;
  END IF;
  IF payload IS NULL OR octet_length(payload) > ${MAX_PAYLOAD} THEN
    payload := json_build_object('entity', ${literal(entity.name)}, 'rows', n)::text;
  END IF;
  PERFORM pg_notify(${literal(channel)}, payload);
  RETURN NULL;
END
`)}`;
}
