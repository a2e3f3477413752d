import { QUEUE_HAS_ROOM } from '../names/notify-queue.ts';

/*
 * Statements that say in `problem` what holds up what apply has to tell, or to write. Of the same thing they say the same
 * each time.
 */

/** While the queue of notifications is half full. Who holds it up the agent's role may not see. */
export const QUEUE_HELD_UP = `
  SELECT 'half of the queue of notifications is full, since a session that LISTENs stays in a transaction. Nobody is told of '
    'conflicts now, and what crp:after-apply tells comes later; once it is full, transactions of services that notify fail. '
    'End that session: the server''s log names it, pg_stat_activity shows it as idle in transaction' AS problem
  WHERE NOT (${QUEUE_HAS_ROOM})`;

/** Rows that are looked through; mostly there is none. */
const LOOK = 1000;
/** Labels that are named. */
const NAMED = 20;

/**
 * Labels that rows wait for which an enum does not have here. `$1`, `$2`, `$3`: entities, schemas and names of their tables.
 */
export const MISSING_LABELS = `
  SELECT DISTINCT format('rows of table "%s.%s" wait for the value %L of type %s, which other sites have and this one has not: '
    'ALTER TYPE %s ADD VALUE %L', t.schema, t.name, v.label, e.oid::regtype, e.oid::regtype, v.label) AS problem
  FROM (SELECT entity, row FROM crp.waiting LIMIT ${LOOK}) AS w
  JOIN unnest($1::text[], $2::text[], $3::text[]) AS t (entity, schema, name) ON t.entity = w.entity
  JOIN pg_attribute AS a ON a.attrelid = to_regclass(format('%I.%I', t.schema, t.name)) AND a.attnum > 0 AND NOT a.attisdropped
  JOIN pg_type AS y ON y.oid = a.atttypid
  JOIN pg_type AS e ON e.oid IN (y.oid, y.typelem, y.typbasetype) AND e.typtype = 'e'
  CROSS JOIN unnest(CASE WHEN y.typelem = e.oid THEN (w.row ->> a.attname)::text[] ELSE ARRAY[w.row ->> a.attname] END) AS v (label)
  WHERE v.label IS NOT NULL AND NOT EXISTS (SELECT FROM pg_enum AS l WHERE l.enumtypid = e.oid AND l.enumlabel = v.label)
  ORDER BY 1 LIMIT ${NAMED}`;
