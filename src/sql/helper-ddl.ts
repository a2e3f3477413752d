/**
 * True if no element of an array occurs twice. CHECK constraints of leaf-lists call it: a CHECK can hold no
 * subquery. NULL elements are refused by a condition of their own.
 */
export function isSetFunction(): string {
  return (
    'CREATE OR REPLACE FUNCTION crp.is_set(anyarray) RETURNS boolean LANGUAGE sql ' +
    'IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS ' +
    `'SELECT count(DISTINCT x) = count(*) FROM unnest($1) AS x'`
  );
}
