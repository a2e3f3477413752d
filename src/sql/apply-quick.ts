import { fastStatements } from './apply-fast.ts';
import type { Shape } from './shape.ts';
import { stageAliases, stageColumns, stageUnnest } from './staging.ts';

/**
 * One statement that applies a small set of changes of one kind and moves the origin's progress, in a
 * transaction of its own: one round trip where latency counts. If a change was not taken the statement
 * fails with `division_by_zero` (22012), so that nothing of it stays; the caller then takes the general
 * path. Parameters: the staging columns as arrays, then number of changes, position, origin.
 * Not for deletes: PostgreSQL allows a data-modifying WITH at the top level only.
 */
export function quickStatement(shape: Shape, op: 'I' | 'U'): string {
  const statements = fastStatements(shape, { from: 's' });
  const taking = op === 'I' ? statements.insert : statements.update;
  const first = stageColumns(shape).length + 1;
  return (
    `WITH s AS MATERIALIZED (SELECT * FROM ${stageUnnest(shape, 1)} AS x(${stageAliases(shape)})), ` +
    `taken AS (${taking} RETURNING 1), ` +
    `progress AS (UPDATE crp.progress SET position = $${first + 1}::bigint, applied_at = now() ` +
    `WHERE origin = $${first + 2}::integer) ` +
    `SELECT 1 / (CASE WHEN count(*) = $${first}::bigint THEN 1 ELSE 0 END) FROM taken`
  );
}
