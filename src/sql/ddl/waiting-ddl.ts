import { ident, quoteLiteral } from '../../model/ir/names.ts';

/**
 * SHA-256 of a key as `crp.waiting`, `crp.orphan` and `crp.conflict` have it: the key of a service's table may be as long as a
 * row of an index can be, and its text is longer (a `bytea` has twice as many digits). Databases have the encoding UTF8.
 * Everything in it is found when it is made, so it needs no search_path.
 */
const KEY_DIGEST =
  'CREATE OR REPLACE FUNCTION crp.key_digest(jsonb) RETURNS bytea LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE ' +
  `RETURN sha256(convert_to($1::text, 'UTF8'))`;

/** What `crp.waiting` is unique by, as ON CONFLICT names it. */
export const WAITING_KEY = '(entity, crp.key_digest(key))';
/** What `crp.orphan` is unique by. */
export const ORPHAN_KEY = '(entity, crp.key_digest(key), reference)';

/** Condition that two keys are the same; the indexes by digests serve. */
export function isKey(one: string, other: string): string {
  return `crp.key_digest(${one}) = crp.key_digest(${other}) AND ${one} = ${other}`;
}

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
    KEY_DIGEST,
    `CREATE TABLE IF NOT EXISTS crp.waiting (entity text NOT NULL, key jsonb NOT NULL, row jsonb NOT NULL,
       base jsonb, reason text NOT NULL, since timestamptz NOT NULL DEFAULT clock_timestamp(),
       tried_at timestamptz NOT NULL DEFAULT clock_timestamp())`,
    'CREATE INDEX IF NOT EXISTS waiting_tried ON crp.waiting (tried_at)',
    `CREATE UNIQUE INDEX IF NOT EXISTS waiting_key ON crp.waiting ${WAITING_KEY}`,
    `CREATE TABLE IF NOT EXISTS crp.orphan (entity text NOT NULL, reference text NOT NULL, key jsonb NOT NULL,
       parent_row jsonb, deleted bigint, tried_at timestamptz NOT NULL DEFAULT clock_timestamp())`,
    `CREATE UNIQUE INDEX IF NOT EXISTS orphan_key ON crp.orphan ${ORPHAN_KEY}`,
    `CREATE INDEX IF NOT EXISTS conflict_parked_key ON crp.conflict (entity, crp.key_digest(key)) WHERE status = 'parked'`,
    // Up to layout 3 the keys themselves were in the indexes.
    'ALTER TABLE crp.waiting DROP CONSTRAINT IF EXISTS waiting_pkey',
    'ALTER TABLE crp.orphan DROP CONSTRAINT IF EXISTS orphan_pkey',
    'DROP INDEX IF EXISTS crp.conflict_parked',
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
  return isKey('w.key', `jsonb_build_object(${parts.join(', ')})`);
}
