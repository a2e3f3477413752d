/** Makes what a plan says: a superuser's statements, in a session of the agent's role (lent.ts). */
import type { Client } from 'pg';
import type { Model } from '../../model/ir/ir.ts';
import { ident } from '../../model/ir/names.ts';
import { runAll } from '../../postgres/transaction.ts';
import type { SiteConfig } from '../config/config.ts';
import { lockStatements, requireEmpty, withTableLocks } from '../database/adoption.ts';
import type { LockPolicy } from '../database/adoption.ts';
import { useLent, whileLent } from '../database/lent.ts';
import { roleNames } from '../database/provision.ts';
import type { AdoptPlan } from './adopt-plan.ts';
import type { AdoptedRows } from './adopt-rows.ts';

export interface Change {
  plan: AdoptPlan;
  config: SiteConfig;
  locking: LockPolicy;
  rows?: AdoptedRows;
}

/**
 * Makes the changes of a plan, in one transaction.
 *
 * @param client a session of the agent's role, in which code of the tables' owners may run (lent.ts)
 */
export async function makeChange(
  client: Client,
  admin: Client,
  { plan, config, locking, rows }: Change,
): Promise<void> {
  const { lock: entities, tables } = plan;
  const changes = [...plan.objects, ...lockStatements(entities, locking), ...plan.changes];
  const above = rows?.above;
  const options = { site: config.number, ...(above === undefined ? {} : { above }) };
  const to = roleNames(config.site).agent;
  await whileLent(admin, { to, lent: { changes, tables, options } }, () =>
    withTableLocks(client, { entities, policy: locking, admin }, async () => {
      await useLent(client, plan);
      // A service may have written some meanwhile.
      if (rows !== undefined) await requireEmpty(client, freshOf(plan));
      await putModel(client, plan, rows);
    }),
  );
}

/**
 * Lets the agent's role name the types of the plan's tables: rows that are taken come into temporary tables, before the
 * model's rights are there.
 */
export async function withUsage<T>(
  admin: Client,
  { plan, config }: Change,
  work: () => Promise<T>,
): Promise<T> {
  const { agent } = roleNames(config.site);
  const uses = plan.tables.flatMap(({ facts }) => facts.uses);
  const { rows } = await admin.query<{ schema: string }>(
    `SELECT DISTINCT name AS schema FROM unnest($1::text[]) AS name WHERE NOT has_schema_privilege($2, name, 'USAGE')`,
    [uses, agent],
  );
  const usage = rows.map(({ schema }) => `USAGE ON SCHEMA ${ident(schema)}`);
  await runAll(
    admin,
    usage.map((right) => `GRANT ${right} TO ${ident(agent)}`),
  );
  try {
    return await work();
  } catch (error) {
    const back = usage.map((right) => `REVOKE ${right} FROM ${ident(agent)}`);
    await runAll(admin, back).catch(() => undefined);
    throw error;
  }
}

/** Puts rows that were taken into a plan's tables, which are as it says, and notes the model, in the caller's transaction. */
export async function putModel(client: Client, plan: AdoptPlan, rows?: AdoptedRows): Promise<void> {
  await rows?.put();
  // Also rows that a rule is new to, or that lost a target here that the giver still had, wait at every site.
  await runAll(client, plan.orphans(rows !== undefined));
  await noteModel(client, plan, rows?.older ?? []);
}

/** Notes which revision the site has now, and with which earlier ones it goes. */
async function noteModel(
  client: Client,
  plan: AdoptPlan,
  alsoOlder: readonly string[],
): Promise<void> {
  const { ir, hash } = plan.model;
  const own = plan.before === undefined ? [] : [plan.before.hash, ...(plan.before.older ?? [])];
  const older = [...new Set([...own, ...alsoOlder])];
  await client.query(
    `INSERT INTO crp.model (name, revision, hash, ir, older) VALUES ($1, $2, $3, $4, $5)
     ON CONFLICT (name) DO UPDATE SET revision = excluded.revision, hash = excluded.hash, ir = excluded.ir,
       older = excluded.older, installed_at = now()`,
    [ir.name, ir.revision, hash, JSON.stringify(ir), older],
  );
}

/** The adopted tables that are new here, as of a model. */
export function freshOf({ model, tables }: AdoptPlan): { ir: Model }[] {
  return [{ ir: { ...model.ir, entities: tables.map(({ entity }) => entity) } }];
}
