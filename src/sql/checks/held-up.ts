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
