import { AppError } from '../base/errors.ts';
import type { Model } from '../model/ir/ir.ts';
import { withConnection } from '../postgres/connect.ts';
import { tableOf } from '../sql/names/apply-names.ts';

/** `lock_not_available`: a lock was waited for longer than `lock_timeout`. */
const LOCK_NOT_AVAILABLE = '55P03';

/**
 * Who has locks on tables that hold writers, or writers' rows, up: other roles' transactions, the prepared ones too, which
 * have no process. `$1`: names that `to_regclass` takes. Of other roles' sessions a role sees little but the name.
 */
const HOLDERS = `
  SELECT DISTINCT CASE WHEN l.pid IS NULL
    THEN format('prepared transaction %L since %s', x.gid, date_trunc('second', x.prepared))
    ELSE format('process %s (%s)', a.pid, coalesce(nullif(a.application_name, ''), a.usename)) END AS holder
  FROM pg_locks AS l LEFT JOIN pg_stat_activity AS a ON a.pid = l.pid
  -- Locks of one transaction have its virtual id in common; a prepared one has a lock on its own number.
  LEFT JOIN pg_locks AS t ON l.pid IS NULL AND t.pid IS NULL AND t.locktype = 'transactionid'
    AND t.virtualtransaction = l.virtualtransaction
  LEFT JOIN pg_prepared_xacts AS x ON x.transaction = t.transactionid
  WHERE l.granted AND l.mode <> 'AccessShareLock' AND a.usename IS DISTINCT FROM current_user
    AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND l.relation IN (SELECT to_regclass(name) FROM unnest($1::text[]) AS name)
  ORDER BY 1 LIMIT 5`;

/**
 * What to say of an error of apply: of a lock that was not had in time, who may have it.
 *
 * @returns AppError APPLY_LOCKED, which passes, or the error itself
 */
export async function withLockHolders(
  error: unknown,
  { dsn, models }: { dsn: string; models: readonly Model[] },
): Promise<unknown> {
  if ((error as { code?: unknown }).code !== LOCK_NOT_AVAILABLE) return error;
  const tables = models.flatMap((model) => model.entities).map(tableOf);
  const holders = await withConnection(dsn, 'syncline apply locks', async (client) => {
    const { rows } = await client.query<{ holder: string }>(HOLDERS, [tables]);
    return rows.map(({ holder }) => holder);
  }).catch(() => []);
  return new AppError('APPLY_LOCKED', 'Rows that other sites changed are locked here for long', {
    hint:
      (holders.length === 0 ? '' : `On the tables are ${holders.join('; ')}. `) +
      'Apply waits, and goes on by itself when the transaction that has them ends',
    retry: 'later',
    cause: error,
  });
}
