import type { Client } from 'pg';
import { AppError } from '../base/errors.ts';

/**
 * What our SQL relies on and what a server's owner may have set otherwise for the server, a database or a role
 * (PostgreSQL manual, chapter 19). Every session of ours begins with these, so that nothing else in the code has to
 * care; a session that needs others sets them after that.
 */
const SETTINGS: Readonly<Record<string, string>> = {
  // Each statement of apply and of a repair sees what was committed before it; retries are our own.
  default_transaction_isolation: 'read committed',
  default_transaction_read_only: 'off',
  // A base copy takes its time, a shared session idles between rounds, a stream's transaction stays open.
  statement_timeout: '0',
  lock_timeout: '0',
  idle_in_transaction_session_timeout: '0',
  idle_session_timeout: '0',
  // Values in text form are the same at every site, and node-postgres reads times in this form only.
  DateStyle: 'ISO, MDY',
  TimeZone: 'UTC',
  IntervalStyle: 'postgres',
  bytea_output: 'hex',
  extra_float_digits: '1',
  lc_monetary: 'C',
  // What was written as a value must be read as the same one: NULL in an array, a fragment of XML.
  array_nulls: 'on',
  xmloption: 'content',
  // Types are compared by the names that the catalogue's functions print.
  quote_all_identifiers: 'off',
  standard_conforming_strings: 'on',
  transform_null_equals: 'off',
  // A policy must not hide rows from apply, from a base copy or from a comparison: they end with an error that says so.
  row_security: 'off',
  // Roles are given rights, not what the database's owner has sessions become.
  role: 'none',
  // A refused statement is rolled back, not the end of the session.
  exit_on_error: 'off',
  // Says that all these have arrived: a pooler between us and the server may leave them out.
  'syncline.session': 'begun',
};

/** The settings as the startup packet's `options` has them: they count more than those of database and role. */
export const SESSION_OPTIONS = Object.entries(SETTINGS)
  .map(([name, value]) => `-c ${name}=${value.replaceAll(' ', '\\ ')}`)
  .join(' ');

/**
 * What cannot be in the startup packet, by the one query: `transaction_timeout`, which servers before version 17 do not
 * know, and that names of ours mean what is in `pg_catalog` also where the search path has it later than another schema.
 * The query itself must not be misled: all in it is qualified.
 */
const LATER = `
  SELECT 'begun' AS what, pg_catalog.current_setting('syncline.session', true) AS value
  UNION ALL
  SELECT 'later', pg_catalog.set_config('transaction_timeout', '0', false)
  WHERE pg_catalog.current_setting('transaction_timeout', true) IS NOT NULL
  UNION ALL
  SELECT 'later', pg_catalog.set_config('search_path', pg_catalog.concat('pg_catalog, ', path), false)
  FROM pg_catalog.current_setting('search_path') AS path
  WHERE pg_catalog.strpos(path, 'pg_catalog') OPERATOR(pg_catalog.>) 1`;

/**
 * Completes the settings of a session that began with `SESSION_OPTIONS`.
 *
 * @throws AppError DATABASE_POOLED
 */
export async function settleSession(client: Client): Promise<void> {
  const { rows } = await client.query<{ what: string; value: string | null }>(LATER);
  const begun = rows.find(({ what }) => what === 'begun')?.value;
  if (begun !== SETTINGS['syncline.session'])
    throw pooled('it leaves out the settings of sessions');
}

/**
 * Leaves of the search path the schemas in which superusers only may make something. An operator or a function that fits the
 * types of a query better than PostgreSQL's own is taken from any schema of the path: whoever may make one there would be
 * a superuser with the first query (PostgreSQL manual, 5.10.6; CVE-2018-1058). The query itself looks nothing up in the
 * path. `pg_database_owner` has one member, the owner of the database, who is looked at too.
 */
const TRUSTED_PATH = `
  SELECT pg_catalog.set_config('search_path', pg_catalog.concat_ws(', ', 'pg_catalog',
    (SELECT pg_catalog.string_agg(pg_catalog.format('%I', n.nspname), ', ' ORDER BY s.place)
      FROM pg_catalog.unnest(pg_catalog.current_schemas(false)) WITH ORDINALITY AS s (name, place)
      JOIN pg_catalog.pg_namespace AS n ON n.nspname OPERATOR(pg_catalog.=) s.name
      WHERE n.nspname OPERATOR(pg_catalog.<>) 'pg_catalog'::pg_catalog.name AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_roles AS r
        WHERE NOT r.rolsuper AND r.rolname OPERATOR(pg_catalog.<>) 'pg_database_owner'::pg_catalog.name
          AND pg_catalog.has_schema_privilege(r.oid, n.oid, 'CREATE'))),
    'pg_temp'), false)`;

const PATH = `SELECT pg_catalog.current_schemas(false)::pg_catalog.text[] AS path`;

/**
 * For sessions of a superuser, before anything else is done in them.
 *
 * @returns schemas that are looked into no more
 */
export async function trustPath(client: Client): Promise<string[]> {
  const before = await client.query<{ path: string[] }>(PATH);
  await client.query(TRUSTED_PATH);
  const after = await client.query<{ path: string[] }>(PATH);
  return before.rows[0]!.path.filter((schema) => !after.rows[0]!.path.includes(schema));
}

/** The error of something that takes connections in the server's place, and does not hand on what a session is. */
export function pooled(why: string): AppError {
  return new AppError(
    'DATABASE_POOLED',
    `The database is reached through a connection pooler: ${why}`,
    {
      hint:
        'Give host and port of the server itself: settings, locks and replication belong to sessions, which a pooler shares ' +
        '(docs/operating/roles.md). Services may use one',
    },
  );
}
