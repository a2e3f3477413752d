import type { ClientBase } from 'pg';

/** Up to so many staged rows the planner takes an index lookup for each by itself, or the table is small. */
const FEW = 1000;
/**
 * What is staged is looked up by key. The planner knows nothing of a temporary table but its size, and for some
 * thousand rows it prefers to read the whole target (a merge or hash join) over an index lookup for each: with a
 * million rows in the target that doubled the time for 16,000 changes, and it grows with the target.
 */
const LOOK_UP = 'SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off';
/** Other statements of the transaction may join by columns that have no index. */
const ANY_PLAN = 'SET LOCAL enable_hashjoin TO DEFAULT; SET LOCAL enable_mergejoin TO DEFAULT';

/**
 * Does work in which so many staged rows are joined to tables by the tables' keys, so that it takes a time which does
 * not depend on the tables' size. Inside the caller's transaction (or savepoint), which he rolls back when the work
 * fails, and with it the settings.
 */
export async function byKey<T>(
  client: ClientBase,
  rows: number,
  work: () => Promise<T>,
): Promise<T> {
  if (rows <= FEW) return work();
  await client.query(LOOK_UP);
  const result = await work();
  await client.query(ANY_PLAN);
  return result;
}
