import type { Client } from 'pg';
import { AppError } from '../../base/errors.ts';
import type { Model } from '../../model/ir/ir.ts';
import { ident } from '../../model/ir/names.ts';
import { tableOf } from '../../sql/names/apply-names.ts';

/** Where sessions become replicas: of this database or of the whole server, but for those of a role that has its own. */
const EVERYBODY = `
  SELECT source = 'database' AS "ofDatabase", current_database()::text AS database FROM pg_settings
  WHERE name = 'session_replication_role' AND setting = 'replica'
    AND source IN ('database', 'configuration file', 'command line')`;

/** Roles whose sessions become replicas here, and that may write one of the tables (`$1`). */
const ROLES = `
  SELECT r.rolname::text AS role FROM pg_db_role_setting AS s JOIN pg_roles AS r ON r.oid = s.setrole
  LEFT JOIN pg_database AS d ON d.oid = s.setdatabase
  WHERE 'session_replication_role=replica' = ANY (s.setconfig)
    AND (d.oid IS NULL OR d.datname = current_database())
    AND EXISTS (SELECT FROM unnest($1::text[]) AS t
      WHERE has_table_privilege(r.oid, to_regclass(t), 'INSERT, UPDATE, DELETE'))`;

/**
 * Makes sure that what services write fires triggers: without them rows get no stamps, and the other sites take them
 * for what they have already.
 *
 * @param client a session that did not set `session_replication_role`
 * @throws AppError SESSIONS_REPLICA
 */
export async function requireTriggers(client: Client): Promise<void> {
  const { rows } = await client.query<{ ofDatabase: boolean; database: string }>(EVERYBODY);
  const found = rows[0];
  if (found === undefined) return;
  const whose = found.ofDatabase ? `of database "${found.database}"` : 'of the server';
  throw new AppError(
    'SESSIONS_REPLICA',
    `Sessions ${whose} begin with session_replication_role = replica, and triggers do not see what they write`,
    {
      hint: found.ofDatabase
        ? `ALTER DATABASE ${ident(found.database)} RESET session_replication_role; and connect the services again`
        : 'ALTER SYSTEM RESET session_replication_role, or correct postgresql.conf; then SELECT pg_reload_conf(), and connect the services again',
    },
  );
}

/** Roles that may write the models' tables, and whose sessions fire no triggers. */
export async function rolesWithoutTriggers(
  client: Client,
  models: readonly Model[],
): Promise<string[]> {
  const tables = models.flatMap(({ entities }) => entities).map(tableOf);
  return (await client.query<{ role: string }>(ROLES, [tables])).rows.map(({ role }) => role);
}
