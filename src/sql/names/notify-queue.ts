/**
 * Condition of SQL: PostgreSQL's queue of notifications has room. A listener that stays in a transaction holds up all of it,
 * and a transaction that notifies when it is full fails as it commits. What apply does must not: whoever listens is told
 * less, or later, and finds what is recorded.
 */
export const QUEUE_HAS_ROOM = 'pg_notification_queue_usage() < 0.5';
