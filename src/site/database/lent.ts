/**
 * What only a superuser may do to a site's tables, in a session that is none of a superuser. Whoever owns an adopted table has
 * his code run by whoever writes or reads the table: triggers, conditions, types, and functions in the expressions of its indexes,
 * some of which PostgreSQL calls when it plans a query. A session that a superuser logged in to is no place for that,
 * whatever role it has at the moment: RESET ROLE is open to everybody in it, and what is deferred to the commit, as a
 * trigger or a cursor WITH HOLD, runs as whoever commits (PostgreSQL manual: SET ROLE, CREATE CONSTRAINT TRIGGER).
 *
 * So the agent's role logs in, and the transaction is its own. The statements that need a superuser are in functions that
 * belong to one (SECURITY DEFINER), without parameters, made before for this one purpose, and removed in the same
 * transaction.
 */
import type { Client } from 'pg';
import { dollarQuote, ident } from '../../model/ir/names.ts';
import { inTransaction } from '../../postgres/transaction.ts';
import { literal } from '../../sql/ddl/catalog-ddl.ts';
import { greatestValues, stridesDdl } from '../../sql/ddl/sequence-ddl.ts';
import type { AdoptedTable, AdoptOptions } from '../../sql/ddl/install-ddl.ts';

const SCHEMA = 'crp_set_up';
const REMOVE = `DROP SCHEMA IF EXISTS ${SCHEMA} CASCADE`;

/** What is lent. */
export interface Lent {
  /** First of all: locks, and all that is changed but for sequences. */
  changes: readonly string[];
  /** Adopted tables that are new, whose sequences are shared then. */
  tables: readonly AdoptedTable[];
  options: Pick<AdoptOptions, 'site' | 'above'>;
}

/**
 * Lets a role do that. In the caller's transaction, in a session of a superuser.
 *
 * @param to the agent's role
 */
export async function lend(client: Client, to: string, lent: Lent): Promise<void> {
  const { changes, tables, options } = lent;
  const role = ident(to);
  const strides = stridesDdl(tables, options, (index) => `${setting(index)}::bigint`);
  // A command that was killed left it.
  await client.query(`${REMOVE}; CREATE SCHEMA ${SCHEMA}`);
  await client.query(functionDdl('change', changes));
  await client.query(functionDdl('share', [...strides, REMOVE]));
  await client.query(
    `REVOKE ALL ON ALL FUNCTIONS IN SCHEMA ${SCHEMA} FROM PUBLIC; GRANT USAGE ON SCHEMA ${SCHEMA} TO ${role}; ` +
      `GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA ${SCHEMA} TO ${role}`,
  );
}

/**
 * Does what was lent, first thing in a transaction of the agent's session.
 *
 * @throws the database's error
 */
export async function useLent(client: Client, { tables }: Pick<Lent, 'tables'>): Promise<void> {
  await client.query(`SELECT ${SCHEMA}.change()`);
  // As the agent's role. Their tables are locked, so it stays the greatest one.
  for (const [index, query] of greatestValues(tables).entries()) {
    await client.query(`SELECT set_config('${settingName(index)}', (${query})::text, true)`);
  }
  await client.query(`SELECT ${SCHEMA}.share()`);
}

/** Takes back what is left of it: nothing, when it was used. In a session of a superuser. */
export async function takeBackLent(client: Client): Promise<void> {
  await client.query(REMOVE);
}

/** As `lend`, for the time of some work. */
export async function whileLent<T>(
  client: Client,
  { to, lent }: { to: string; lent: Lent },
  work: () => Promise<T>,
): Promise<T> {
  await inTransaction(client, () => lend(client, to, lent));
  try {
    return await work();
  } finally {
    await takeBackLent(client).catch(() => undefined);
  }
}

function settingName(index: number): string {
  return `crp.most_${index}`;
}

function setting(index: number): string {
  return `nullif(pg_catalog.current_setting('${settingName(index)}', true), '')`;
}

/** Names are looked up as in the superuser's session, whatever the one that calls it has been told. */
function functionDdl(name: string, statements: readonly string[]): string {
  const list = statements.map((statement) => `    ${literal(statement)}`).join(',\n');
  return `CREATE FUNCTION ${SCHEMA}.${name}() RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT SET standard_conforming_strings = on AS ${dollarQuote(`
DECLARE
  statement text;
BEGIN
  FOREACH statement IN ARRAY ARRAY[
${list}
  ]::text[] LOOP
    EXECUTE statement;
  END LOOP;
END
`)}`;
}
