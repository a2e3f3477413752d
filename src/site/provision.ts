import type { Client } from 'pg';
import { AppError } from '../base/errors.ts';
import { ident } from '../sql/apply-names.ts';
import { agentTableGrants, catalogDdl, literal, serviceGrants } from '../sql/catalog-ddl.ts';
import { counterGrants } from '../sql/counter-ddl.ts';
import { modelDdl } from '../sql/entity-ddl.ts';
import type { InstalledModel } from './catalog.ts';

/** The oldest server that has all that Syncline needs (GRANT … ON PARAMETER is the youngest). */
const MIN_VERSION = 150_000;

/** A role that Syncline makes, with its password. */
export interface RoleAccount {
  name: string;
  password: string;
}

export interface ProvisionOptions {
  site: { name: string; number: number; incarnation: number };
  address: string;
  /** NOLOGIN: owns the schemas, tables, trigger functions and the publication. */
  owner: string;
  agent: RoleAccount;
  service: RoleAccount;
  models: readonly InstalledModel[];
}

/** Names of the three roles of a site; roles belong to the whole server, hence the site's name in them. */
export function roleNames(site: string): { owner: string; agent: string; service: string } {
  const base = `syncline_${site.replaceAll('-', '_')}`;
  return { owner: `${base}_owner`, agent: `${base}_agent`, service: `${base}_service` };
}

/**
 * Checks that a server can carry a site.
 *
 * @throws AppError DATABASE_VERSION, DATABASE_WAL_LEVEL, DATABASE_RIGHTS, DATABASE_TAKEN
 */
export async function checkServer(client: Client): Promise<void> {
  const { rows } = await client.query<Record<string, string | boolean>>(
    `SELECT current_setting('server_version_num') AS number, current_setting('server_version') AS version,
       current_setting('wal_level') AS wal_level, rolsuper AS superuser, current_user AS role,
       EXISTS (SELECT FROM pg_namespace WHERE nspname = 'crp') AS taken,
       current_database() AS database
     FROM pg_roles WHERE rolname = current_user`,
  );
  const server = rows[0]!;
  if (Number(server['number']) < MIN_VERSION) {
    throw new AppError('DATABASE_VERSION', `The server is PostgreSQL ${server['version']}`, {
      hint: 'Syncline needs PostgreSQL 15 or later',
    });
  }
  if (server['wal_level'] !== 'logical') {
    throw new AppError(
      'DATABASE_WAL_LEVEL',
      `The server runs with wal_level=${server['wal_level']}`,
      {
        hint: 'ALTER SYSTEM SET wal_level = logical; then restart the server',
      },
    );
  }
  if (server['superuser'] !== true) {
    throw new AppError('DATABASE_RIGHTS', `Role "${server['role']}" may not set up a site`, {
      hint:
        'Give --database a superuser: it makes the roles and grants of docs/operating/roles.md once; ' +
        'the agent itself runs without',
    });
  }
  if (server['taken'] === true) {
    throw new AppError('DATABASE_TAKEN', `Database "${server['database']}" has a schema "crp"`, {
      hint: 'It belongs to a site already. If that site is gone: DROP SCHEMA crp CASCADE',
    });
  }
}

/**
 * Makes roles, catalogue and the models' tables, in the caller's transaction: a site is made whole or
 * not at all.
 *
 * @throws AppError ROLE_EXISTS
 */
export async function provision(client: Client, options: ProvisionOptions): Promise<void> {
  await makeRoles(client, options);
  await run(client, catalogDdl({ site: options.site, role: options.agent.name }));
  await client.query(
    `INSERT INTO crp.member (name, number, address, state) VALUES ($1, $2, $3, 'active')`,
    [...[options.site.name, options.site.number, options.address]],
  );
  for (const model of options.models) await installModel(client, model, options);
  await giveToOwner(client, options);
}

/** Makes one model's tables, gives the roles their rights and notes the model in `crp.model`. */
async function installModel(
  client: Client,
  { ir, hash }: InstalledModel,
  options: ProvisionOptions,
): Promise<void> {
  await run(client, modelDdl(ir, options.site.number));
  await run(client, agentTableGrants(options.agent.name, ir.schema));
  await run(client, serviceGrants(options.service.name, ir.schema));
  await run(client, counterGrants(options.service.name, ir));
  await client.query('INSERT INTO crp.model (name, revision, hash, ir) VALUES ($1, $2, $3, $4)', [
    ...[ir.name, ir.revision, hash, JSON.stringify(ir)],
  ]);
}

async function makeRoles(client: Client, options: ProvisionOptions): Promise<void> {
  const { owner, agent, service } = options;
  const account = (role: RoleAccount, attributes: string): string =>
    `CREATE ROLE ${ident(role.name)} LOGIN ${attributes} PASSWORD ${literal(role.password)}`;
  try {
    await client.query(`CREATE ROLE ${ident(owner)} NOLOGIN`);
    await client.query(account(agent, 'REPLICATION'));
    await client.query(account(service, ''));
  } catch (error) {
    if ((error as { code?: string }).code !== '42710') throw error;
    throw new AppError('ROLE_EXISTS', (error as Error).message, {
      hint: `Another site "${options.site.name}" was set up on this server; use another name, or drop its roles`,
      cause: error,
    });
  }
}

/**
 * Everything belongs to the owner, so that trigger functions (SECURITY DEFINER) run with its rights and
 * not with a superuser's.
 */
async function giveToOwner(client: Client, options: ProvisionOptions): Promise<void> {
  const schemas = ['crp', ...new Set(options.models.map((model) => model.ir.schema))];
  const { rows } = await client.query<{ statement: string }>(OWNED, [schemas, options.owner]);
  await run(
    client,
    rows.map((row) => row.statement),
  );
}

/** ALTER … OWNER statements for all relations and functions of the schemas, the schemas, the publication. */
const OWNED = `
  SELECT format('ALTER TABLE %s OWNER TO %I', c.oid::regclass, $2::text) AS statement
  FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
  WHERE n.nspname = ANY ($1) AND c.relkind IN ('r', 'p', 'v')
  UNION ALL
  SELECT format('ALTER SEQUENCE %s OWNER TO %I', c.oid::regclass, $2::text)
  FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
  WHERE n.nspname = ANY ($1) AND c.relkind = 'S'
    AND NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.objid = c.oid AND d.deptype IN ('a', 'i')
                    AND d.classid = 'pg_class'::regclass)
  UNION ALL
  SELECT format('ALTER FUNCTION %s OWNER TO %I', p.oid::regprocedure, $2::text)
  FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace WHERE n.nspname = ANY ($1)
  UNION ALL
  SELECT format('ALTER SCHEMA %I OWNER TO %I', n.nspname, $2::text)
  FROM pg_namespace AS n WHERE n.nspname = ANY ($1)
  UNION ALL
  SELECT format('ALTER PUBLICATION crp OWNER TO %I', $2::text) FROM pg_publication WHERE pubname = 'crp'`;

/** Removes what `provision` made: all of it belongs to the site's roles, and nothing else does. */
export async function unprovision(client: Client, site: string): Promise<void> {
  const roles = Object.values(roleNames(site)).map(ident).join(', ');
  await run(client, [`DROP OWNED BY ${roles} CASCADE`, `DROP ROLE ${roles}`]);
}

async function run(client: Client, statements: readonly string[]): Promise<void> {
  for (const statement of statements) await client.query(statement);
}

/** Runs `work` in a transaction. */
export async function inTransaction<T>(client: Client, work: () => Promise<T>): Promise<T> {
  await client.query('BEGIN');
  try {
    const result = await work();
    await client.query('COMMIT');
    return result;
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined);
    throw error;
  }
}
