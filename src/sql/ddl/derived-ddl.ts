import type { Column, Entity } from '../../model/ir/ir.ts';
import { dollarQuote, ident, sqlName } from '../../model/ir/names.ts';
import { tableOf } from '../names/apply-names.ts';
import { literal } from './catalog-ddl.ts';

/**
 * Columns that every site computes by itself (crp:derived). A generated column where PostgreSQL takes the
 * expression for one; it does not where the expression is not immutable or looks at other tables (42P17,
 * 0A000). Then it is an ordinary column that a trigger fills, also for rows that apply writes (ENABLE ALWAYS).
 * From version 18 on generated columns have to be published, or UPDATE is refused: the replica identity is the
 * whole row. Capture leaves them out. A column of an adopted table that is there already stays as it is; if it is not generated it gets the trigger.
 */
export function derivedDdl(entity: Entity): string[] {
  const derived = entity.columns.filter((column) => column.derived !== undefined);
  return derived.flatMap((column, index) => columnStatements(entity, { column, index }));
}

function columnStatements(
  entity: Entity,
  { column, index }: { column: Column; index: number },
): string[] {
  const table = tableOf(entity);
  const name = ident(column.name);
  const fill = sqlName('fill', entity.table.schema, entity.table.name, column.name);
  return [
    `DO ${dollarQuote(` BEGIN
  ALTER TABLE ${table} ADD COLUMN IF NOT EXISTS ${name} ${column.type} GENERATED ALWAYS AS (${column.derived}) STORED;
EXCEPTION WHEN invalid_object_definition OR feature_not_supported THEN
  ALTER TABLE ${table} ADD COLUMN IF NOT EXISTS ${name} ${column.type};
END `)}`,
    fillFunction(fill, column),
    `DO ${dollarQuote(` BEGIN
  IF EXISTS (SELECT FROM pg_attribute WHERE attrelid = ${literal(table)}::regclass
      AND attname = ${literal(column.name)} AND attgenerated = '') THEN
    CREATE OR REPLACE TRIGGER zz_crp_fill_${index + 1} BEFORE INSERT OR UPDATE ON ${table}
      FOR EACH ROW EXECUTE FUNCTION crp.${ident(fill)}();
    ALTER TABLE ${table} ENABLE ALWAYS TRIGGER zz_crp_fill_${index + 1};
  ELSE
    DROP FUNCTION crp.${ident(fill)}();
    IF current_setting('server_version_num')::integer >= 180000 THEN
      ALTER PUBLICATION crp SET (publish_generated_columns = stored);
    END IF;
  END IF;
END `)}`,
  ];
}

/**
 * It runs as whoever writes the row, as the expression of a generated column does. Only pg_catalog is
 * searched: other names need their schema.
 */
function fillFunction(name: string, column: Column): string {
  return (
    `CREATE OR REPLACE FUNCTION crp.${ident(name)}() RETURNS trigger LANGUAGE plpgsql ` +
    `SET search_path = pg_catalog, pg_temp AS ` +
    dollarQuote(
      `\nBEGIN\n  NEW.${ident(column.name)} := (SELECT (${column.derived}) FROM (SELECT NEW.*) AS crp_row);\n` +
        `  RETURN NEW;\nEND\n`,
    )
  );
}
