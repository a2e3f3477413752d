import { ident, quoteLiteral } from '../../model/ir/names.ts';

/**
 * Tables of what waits (ARCHITECTURE.md §5); neither is in the publication.
 *
 * `crp.waiting`: keys whose merged row a constraint keeps out of the table. `row` is that row with its hidden
 * columns, `base` the key's row in the table when it was parked (null: none), both as objects of text values.
 * What is in the table now differs from `base` by what was written here since.
 *
 * `crp.orphan`: rows that lost the target of a reference with a rule; `parent_row` and `deleted` are the
 * target as its delete found it and the stamp of the delete, where this site saw it.
 */
export function waitingDdl(): string[] {
  return [
    `CREATE TABLE IF NOT EXISTS crp.waiting (entity text NOT NULL, key jsonb NOT NULL, row jsonb NOT NULL,
       base jsonb, reason text NOT NULL, since timestamptz NOT NULL DEFAULT clock_timestamp(),
       tried_at timestamptz NOT NULL DEFAULT clock_timestamp(), PRIMARY KEY (entity, key))`,
    'CREATE INDEX IF NOT EXISTS waiting_tried ON crp.waiting (tried_at)',
    `CREATE TABLE IF NOT EXISTS crp.orphan (entity text NOT NULL, reference text NOT NULL, key jsonb NOT NULL,
       parent_row jsonb, deleted bigint, tried_at timestamptz NOT NULL DEFAULT clock_timestamp(),
       PRIMARY KEY (entity, reference, key))`,
  ];
}

/**
 * An object of text values, as rows are in `crp.waiting`: a scalar subquery, since a function takes no more than fifty pairs.
 *
 * @param values names, and SQL of the values
 */
export function textObject(values: readonly (readonly [name: string, value: string])[]): string {
  const columns = values.map(([name, value]) => `${value}::text AS ${ident(name)}`);
  return `(SELECT to_jsonb(x) FROM (SELECT ${columns.join(', ')}) AS x)`;
}

/** Condition on `crp.waiting AS w`: that the row waits whose key has these values; names, and SQL of the values. */
export function waitsAt(key: readonly (readonly [name: string, value: string])[]): string {
  const parts = key.map(([name, value]) => `${quoteLiteral(name)}, ${value}::text`);
  return `w.key = jsonb_build_object(${parts.join(', ')})`;
}
