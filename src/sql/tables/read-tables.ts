/** What PostgreSQL's catalogue says of the tables of a schema (PostgreSQL manual, chapter 53). */
import type { Client } from 'pg';
import { inTransaction } from '../../postgres/transaction.ts';
import type { ColumnInfo, ForeignKeyInfo, TableInfo } from '../../model/import/import-tables.ts';

/** Which tables are read; all of the schema where none are named. */
interface From {
  schema: string;
  tables?: readonly string[];
}

/**
 * Reads ordinary and partitioned tables; those of our own schema `crp` are never among them. Types that are not
 * PostgreSQL's own are named with their schema: what a model says must not depend on a database's search path.
 */
export function readTables(client: Client, from: From): Promise<TableInfo[]> {
  const begin = 'BEGIN; SET LOCAL search_path = pg_catalog';
  return inTransaction(client, () => read(client, from), begin);
}

async function read(client: Client, from: From): Promise<TableInfo[]> {
  const { rows } = await client.query<{ oid: number; name: string; comment: string | null }>(
    `SELECT c.oid::integer AS oid, c.relname AS name, obj_description(c.oid, 'pg_class') AS comment
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE n.nspname = $1 AND n.nspname <> 'crp' AND c.relkind IN ('r', 'p') AND NOT c.relispartition
        AND ($2::text[] IS NULL OR c.relname = ANY ($2)) ORDER BY c.relname`,
    [from.schema, from.tables ?? null],
  );
  const tables: TableInfo[] = [];
  for (const { oid, name, comment } of rows) {
    tables.push({
      schema: from.schema,
      name,
      ...(comment === null ? {} : { comment }),
      columns: await readColumns(client, oid),
      ...(await readKeys(client, oid)),
      foreignKeys: await readForeignKeys(client, oid),
      triggers: await readTriggers(client, oid),
    });
  }
  return tables;
}

/** Hidden columns of an earlier adoption and generated columns are left out. */
async function readColumns(client: Client, table: number): Promise<ColumnInfo[]> {
  const { rows } = await client.query<ColumnInfo & { comment: string | null }>(
    `SELECT a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type, a.attnotnull AS "notNull",
            a.attidentity <> '' OR coalesce(pg_get_expr(d.adbin, d.adrelid) LIKE 'nextval(%', false)
              AS "fromSequence",
            col_description(a.attrelid, a.attnum) AS comment
       FROM pg_attribute a
       LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
      WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
        AND a.attname NOT LIKE '\\_crp\\_%' ORDER BY a.attnum`,
    [table],
  );
  return rows.map(({ comment, ...column }) => (comment === null ? column : { ...column, comment }));
}

async function readKeys(
  client: Client,
  table: number,
): Promise<{ primaryKey: string[]; uniques: string[][] }> {
  const { rows } = await client.query<{ primary: boolean; columns: string[] }>(
    // Partial and expression indexes say less than "unique" would.
    `SELECT i.indisprimary AS primary,
            (SELECT array_agg(a.attname::text ORDER BY k.place)
               FROM unnest(i.indkey::integer[]) WITH ORDINALITY AS k (number, place)
               JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number
              WHERE k.place <= i.indnkeyatts) AS columns
       FROM pg_index i
      WHERE i.indrelid = $1 AND i.indisunique AND i.indpred IS NULL AND i.indexprs IS NULL
      ORDER BY i.indexrelid`,
    [table],
  );
  return {
    primaryKey: rows.find((row) => row.primary)?.columns ?? [],
    uniques: rows.filter((row) => !row.primary).map((row) => row.columns),
  };
}

async function readForeignKeys(client: Client, table: number): Promise<ForeignKeyInfo[]> {
  const names = (relation: string, numbers: string): string =>
    `(SELECT array_agg(a.attname::text ORDER BY k.place)
        FROM unnest(${numbers}) WITH ORDINALITY AS k (number, place)
        JOIN pg_attribute a ON a.attrelid = ${relation} AND a.attnum = k.number)`;
  const { rows } = await client.query<ForeignKeyInfo>(
    `SELECT ${names('f.conrelid', 'f.conkey')} AS columns, n.nspname AS schema, c.relname AS table,
            ${names('f.confrelid', 'f.confkey')} AS "targetColumns",
            CASE f.confdeltype WHEN 'c' THEN 'cascade' WHEN 'n' THEN 'set-null' ELSE 'restrict' END
              AS "onDelete"
       FROM pg_constraint f JOIN pg_class c ON c.oid = f.confrelid
       JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE f.conrelid = $1 AND f.contype = 'f' ORDER BY f.conname`,
    [table],
  );
  return rows;
}

async function readTriggers(client: Client, table: number): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT tgname AS name FROM pg_trigger
      WHERE tgrelid = $1 AND NOT tgisinternal AND tgname NOT LIKE 'zz\\_crp\\_%' ORDER BY tgname`,
    [table],
  );
  return rows.map((row) => row.name);
}
