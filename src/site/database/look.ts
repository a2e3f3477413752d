import { randomUUID } from 'node:crypto';
import type { Client } from 'pg';
import { dollarQuote, ident } from '../../model/ir/names.ts';
import type { SqlName } from '../../model/ir/names.ts';

/**
 * Looks into a table of somebody else's in a superuser's session, with the rights of a role that may read it and nothing
 * else: PostgreSQL calls functions in the expressions of its indexes when it plans a query, and the table may have become a
 * view. All of it is rolled back, so that nothing is left to run as the superuser later (lent.ts). Not in a transaction.
 *
 * @param expression SQL of a scalar; only pg_catalog is searched
 * @returns its value as text
 * @throws the database's error
 */
export async function lookAt(
  client: Client,
  table: SqlName,
  expression: string,
): Promise<string | null> {
  const role = ident(`crp_look_${randomUUID()}`);
  const look = 'pg_temp.crp_look()';
  await client.query('BEGIN');
  try {
    await client.query(
      `CREATE ROLE ${role} NOLOGIN;
       GRANT USAGE ON SCHEMA ${ident(table.schema)} TO ${role};
       GRANT SELECT ON TABLE ${ident(table.schema)}.${ident(table.name)} TO ${role};
       CREATE FUNCTION ${look} RETURNS text LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
         AS ${dollarQuote(`SELECT (${expression})::text`)};
       ALTER FUNCTION ${look} OWNER TO ${role}`,
    );
    const { rows } = await client.query<{ found: string | null }>(`SELECT ${look} AS found`);
    return rows[0]!.found;
  } finally {
    await client.query('ROLLBACK').catch(() => undefined);
  }
}
