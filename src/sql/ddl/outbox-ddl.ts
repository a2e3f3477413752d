import { QUEUE_HAS_ROOM } from '../names/notify-queue.ts';

/**
 * Table `crp.outbox`: what `crp:after-apply` had to tell when the queue of notifications had no room, rows of an entity by
 * statements. Without a key, so that two sessions that apply do not wait for each other here. Not in the publication.
 */
export function outboxDdl(): string[] {
  return ['CREATE TABLE IF NOT EXISTS crp.outbox (entity text NOT NULL, rows bigint NOT NULL)'];
}

/**
 * Sends what the outbox has, as one notification an entity without keys, once the queue has room. `$1`: entities,
 * `$2`: their channels. Of an entity without a channel nothing is told any more.
 */
export const SEND_OUTBOX = `
  WITH sent AS (DELETE FROM crp.outbox WHERE (SELECT ${QUEUE_HAS_ROOM}) RETURNING entity, rows)
  SELECT pg_notify(c.channel, json_build_object('entity', s.entity, 'rows', s.rows)::text)
  FROM (SELECT entity, sum(rows) AS rows FROM sent GROUP BY entity) AS s
  JOIN unnest($1::text[], $2::text[]) AS c (entity, channel) ON c.entity = s.entity`;

/** Keeps the outbox small while nothing can be sent. */
export const FOLD_OUTBOX = `
  WITH folded AS (DELETE FROM crp.outbox WHERE (SELECT count(*) FROM crp.outbox) > 1000 RETURNING entity, rows)
  INSERT INTO crp.outbox (entity, rows) SELECT entity, sum(rows) FROM folded GROUP BY entity`;
