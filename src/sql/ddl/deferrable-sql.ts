/**
 * DEFERRABLE unique and exclusion constraints. Their index lets a second row in, and a trigger looks for it at the
 * end of the statement or of the transaction. That trigger is silent in a replica session as any other one, so what
 * apply writes would never be checked (PostgreSQL manual: ALTER TABLE, ENABLE ALWAYS TRIGGER; SET CONSTRAINTS).
 */
import type { Entity } from '../../model/ir/ir.ts';
import { dollarQuote, ident } from '../../model/ir/names.ts';
import { tableOf } from '../names/apply-names.ts';
import { literal } from './catalog-ddl.ts';

/** Their triggers of a table, given as an SQL expression of type regclass. */
const TRIGGERS = (table: string): string =>
  `SELECT t.tgname FROM pg_trigger AS t WHERE t.tgrelid = ${table}
     AND t.tgfoid = 'pg_catalog.unique_key_recheck()'::regprocedure`;

/** Makes the constraints of an adopted table hold for what apply writes; only a superuser may. */
export function checkAlwaysDdl(entity: Entity): string[] {
  return entity.adopted === true ? [enable(entity, 'ENABLE ALWAYS')] : [];
}

/** Takes that back. */
export function checkLocalDdl(entity: Entity): string[] {
  return [enable(entity, 'ENABLE')];
}

function enable(entity: Entity, how: 'ENABLE' | 'ENABLE ALWAYS'): string {
  const table = literal(tableOf(entity));
  return `DO ${dollarQuote(`
DECLARE
  name text;
BEGIN
  FOR name IN ${TRIGGERS(`${table}::regclass`)} LOOP
    EXECUTE format('ALTER TABLE %s ${how} TRIGGER %I', ${table}, name);
  END LOOP;
END
`)}`;
}

/** A constraint that is checked at the end of a transaction unless that is told otherwise. */
export interface DeferredConstraint {
  schema: string;
  name: string;
}

/** The INITIALLY DEFERRED ones of tables; `$1`: names that `to_regclass` takes. */
export const DEFERRED_CONSTRAINTS = `
  SELECT DISTINCT n.nspname::text AS schema, c.conname::text AS name
  FROM pg_constraint AS c JOIN pg_namespace AS n ON n.oid = c.connamespace
  WHERE c.contype IN ('u', 'x') AND c.condeferred
    AND c.conrelid IN (SELECT to_regclass(name) FROM unnest($1::text[]) AS name)
  ORDER BY 1, 2`;

/**
 * Begins a transaction in which a statement fails that breaks one of the constraints: at the commit it would be too
 * late to tell which row it was.
 */
export function beginImmediate(constraints: readonly DeferredConstraint[]): string {
  if (constraints.length === 0) return 'BEGIN';
  const names = constraints.map(({ schema, name }) => `${ident(schema)}.${ident(name)}`);
  return `BEGIN; SET CONSTRAINTS ${names.join(', ')} IMMEDIATE`;
}
