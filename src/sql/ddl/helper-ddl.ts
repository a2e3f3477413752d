import type { Entity } from '../../model/ir/ir.ts';
import { setFunctions } from './set-ddl.ts';
import { isSet } from '../names/shape.ts';

/** Functions of schema `crp` that the tables and triggers of these entities use. */
export function helperDdl(entities: readonly Entity[]): string[] {
  const sets = entities.some((entity) => entity.groups.some(isSet));
  return [isSetFunction(), ...(sets ? setFunctions() : [])];
}

/**
 * True if no element of an array occurs twice. CHECK constraints of leaf-lists call it: a CHECK can hold no
 * subquery. NULL elements are refused by a condition of their own.
 */
function isSetFunction(): string {
  return (
    'CREATE OR REPLACE FUNCTION crp.is_set(anyarray) RETURNS boolean LANGUAGE sql ' +
    'IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS ' +
    `'SELECT count(DISTINCT x) = count(*) FROM unnest($1) AS x'`
  );
}
