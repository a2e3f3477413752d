import type { Client } from 'pg';
import { AppError } from '../../base/errors.ts';
import type { Model } from '../../model/ir/ir.ts';
import { ident } from '../../model/ir/names.ts';
import { catalogDdl, literal, parameterGrants } from '../../sql/ddl/catalog-ddl.ts';
import {
  adoptChangesDdl,
  adoptedEntities,
  countersDdl,
  modelGrants,
  objectsDdl,
  ownerDdl,
  releaseDdl,
  partGrants,
} from '../../sql/ddl/install-ddl.ts';
import type { AdoptedTable } from '../../sql/ddl/install-ddl.ts';
import type { InstalledModel } from './catalog.ts';
import { lockStatements } from './adoption.ts';
import type { LockPolicy } from './adoption.ts';
import { requireTriggers } from './session-check.ts';
import { scramVerifier } from '../../postgres/scram.ts';
import { runAll } from '../../postgres/transaction.ts';

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
  /** Tables of the adopted entities (`checkAdoptions`), and what their sequences must begin above. */
  tables: readonly AdoptedTable[];
  above?: ReadonlyMap<string, string>;
  /** Major version of the server. */
  serverMajor: number;
}

/** Names of the three roles of a site; roles belong to the whole server, hence the site's name in them. */
export function roleNames(site: string): { owner: string; agent: string; service: string } {
  const base = `syncline_${site.replaceAll('-', '_')}`;
  return { owner: `${base}_owner`, agent: `${base}_agent`, service: `${base}_service` };
}

/**
 * Checks that a site's database can be given a model.
 *
 * @returns the server's major version
 * @throws AppError DATABASE_RIGHTS, SESSIONS_REPLICA
 */
export async function readServer(client: Client): Promise<number> {
  const { rows } = await client.query<{ number: number; superuser: boolean; role: string }>(
    `SELECT current_setting('server_version_num')::integer AS number, rolsuper AS superuser, rolname AS role
     FROM pg_roles WHERE rolname = current_user`,
  );
  const { number, superuser, role } = rows[0]!;
  if (superuser) {
    await requireTriggers(client);
    return Math.floor(number / 10_000);
  }
  throw new AppError('DATABASE_RIGHTS', `Role "${role}" may not give a site a model`, {
    hint: 'Give --database a superuser: triggers, publication and grants need one; the agent runs without',
  });
}

/**
 * Checks that a server can carry a site.
 *
 * @returns its major version
 * @throws AppError DATABASE_VERSION, DATABASE_WAL_LEVEL, DATABASE_ENCODING, DATABASE_RIGHTS, DATABASE_TAKEN,
 * DATABASE_SLOTS, SESSIONS_REPLICA
 */
export async function checkServer(client: Client): Promise<number> {
  const { rows } = await client.query<Record<string, string | boolean>>(
    `SELECT current_setting('server_version_num') AS number, current_setting('server_version') AS version,
       current_setting('wal_level') AS wal_level, rolsuper AS superuser, current_user AS role,
       EXISTS (SELECT FROM pg_namespace WHERE nspname = 'crp') AS taken,
       current_setting('max_replication_slots') AS slots,
       (SELECT count(*) FROM pg_replication_slots) >= current_setting('max_replication_slots')::integer AS full,
       current_setting('server_encoding') AS encoding,
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
  // Other sites have characters that it could not store, and rows are compared by the bytes of their texts.
  if (server['encoding'] !== 'UTF8') {
    throw new AppError(
      'DATABASE_ENCODING',
      `Database "${server['database']}" has the encoding ${server['encoding']}`,
      {
        hint:
          'Syncline needs UTF8: CREATE DATABASE … ENCODING UTF8 TEMPLATE template0, and take the data over with ' +
          'pg_dump and pg_restore',
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
  // Made last, when all the rest would have to be taken back.
  if (server['full'] === true) {
    throw new AppError(
      'DATABASE_SLOTS',
      `All replication slots of the server are in use (max_replication_slots=${server['slots']})`,
      {
        hint:
          'Raise max_replication_slots and restart the server, or drop a slot that nobody needs any more ' +
          '(SELECT slot_name, active FROM pg_replication_slots)',
        retry: 'later',
      },
    );
  }
  await requireTriggers(client);
  return Math.floor(Number(server['number']) / 10_000);
}

/**
 * What makes catalogue and tables, for a superuser, in one transaction: a site is made whole or not at all.
 *
 * @param policy how the adopted tables are come by; what is done before does not disturb their service
 */
export function provisionDdl(options: ProvisionOptions, policy: LockPolicy): string[] {
  const { site, tables, serverMajor } = options;
  const models = options.models.map(({ ir }) => ir);
  const roles = roleNames(site.name);
  return [
    // With the roles it got its rights on parameters: this transaction may last as long as a base copy.
    ...catalogDdl({ site, role: options.agent.name, hasParameters: true }),
    ...models.flatMap((model) => objectsDdl(model, site.number)),
    ...lockStatements(models.flatMap(adoptedEntities), policy),
    ...adoptChangesDdl(tables, { site: site.number, serverMajor }),
    ...models.flatMap((model) => [
      ...countersDdl(model, site.number),
      ...modelGrants(model, roles),
    ]),
    ...partGrants(tables, roles),
    ownerDdl(models, roles.owner),
  ];
}

/** Notes a new site and its models in its catalogue, in the caller's transaction. */
export async function noteSite(client: Client, options: ProvisionOptions): Promise<void> {
  const { site, address, models } = options;
  await client.query(
    `INSERT INTO crp.member (name, number, address, state) VALUES ($1, $2, $3, 'active')`,
    [...[site.name, site.number, address]],
  );
  for (const model of models) await noteModel(client, model);
}

async function noteModel(client: Client, { ir, hash }: InstalledModel): Promise<void> {
  await client.query('INSERT INTO crp.model (name, revision, hash, ir) VALUES ($1, $2, $3, $4)', [
    ...[ir.name, ir.revision, hash, JSON.stringify(ir)],
  ]);
}

/**
 * Makes a site's roles, with their rights on parameters, in the caller's `inSharedTransaction`.
 *
 * @throws AppError ROLE_EXISTS
 */
export async function makeRoles(client: Client, options: ProvisionOptions): Promise<void> {
  const { owner, agent, service } = options;
  const account = (role: RoleAccount, attributes: string): string =>
    `CREATE ROLE ${ident(role.name)} LOGIN ${attributes} PASSWORD ${literal(scramVerifier(role.password))}`;
  try {
    await client.query(`CREATE ROLE ${ident(owner)} NOLOGIN`);
    await client.query(account(agent, 'REPLICATION'));
    await client.query(account(service, ''));
    await runAll(client, parameterGrants(agent.name));
  } catch (error) {
    if ((error as { code?: string }).code !== '42710') throw error;
    throw new AppError('ROLE_EXISTS', (error as Error).message, {
      hint: `Another site "${options.site.name}" was set up on this server; use another name, or drop its roles`,
      cause: error,
    });
  }
}

/** Grants and owners of a model's tables at a site, for somebody who runs SQL by hand. */
export function modelRights(model: Model, site: string): string[] {
  const roles = roleNames(site);
  return [...modelGrants(model, roles), ownerDdl([model], roles.owner)];
}

/**
 * Removes what was made for a site: all of it belongs to the site's roles, and nothing else does. Adopted tables
 * lose what was added to them and keep their rows; sequences keep their strides. In the caller's `inSharedTransaction`.
 */
export async function unprovision(
  client: Client,
  site: string,
  models: readonly InstalledModel[],
): Promise<void> {
  const roles = Object.values(roleNames(site)).map(ident).join(', ');
  const { rows } = await client.query<{ made: boolean }>(
    `SELECT to_regclass('crp.site') IS NOT NULL AS made`,
  );
  // Nothing was done to adopted tables before the roles' next transaction.
  const changed = rows[0]!.made ? models : [];
  await runAll(client, [
    `DROP OWNED BY ${roles} CASCADE`,
    ...changed.flatMap(({ ir }) => adoptedEntities(ir).flatMap(releaseDdl)),
    `DROP ROLE ${roles}`,
  ]);
}
