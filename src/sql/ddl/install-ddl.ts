/** SQL that gives a site a model: what can be made while everything is in use, and what needs tables locked. */
import type { Entity, Model } from '../../model/ir/ir.ts';
import { allEntities } from '../../model/ir/replicated.ts';
import { dollarQuote, ident } from '../../model/ir/names.ts';
import { tableOf } from '../names/apply-names.ts';
import { agentTableGrants, literal, serviceGrants } from './catalog-ddl.ts';
import { counterDdl, counterGrants } from './counter-ddl.ts';
import { checkLocalDdl } from './deferrable-sql.ts';
import { derivedDdl } from './derived-ddl.ts';
import {
  adoptionDdl,
  indexDdl,
  laterReferencesDdl,
  replicationDdl,
  replicationObjects,
  replicationTriggers,
  tableDdl,
} from './entity-ddl.ts';
import { functionGrants } from './function-ddl.ts';
import { helperDdl } from './helper-ddl.ts';
import { sequencesOf, stridesDdl } from './sequence-ddl.ts';
import { hiddenNames } from '../names/shape.ts';
import type { TableFacts } from '../tables/table-facts.ts';

/** The roles of a site. */
export interface SiteRoles {
  owner: string;
  agent: string;
  service: string;
}

/** An adopted entity and what the catalogue says of its table. */
export interface AdoptedTable {
  entity: Entity;
  facts: TableFacts;
}

/** Entities whose tables Syncline makes. */
export function madeEntities(model: Model): Entity[] {
  return allEntities(model).filter((entity) => entity.adopted !== true);
}

/** Entities whose tables are there already. */
export function adoptedEntities(model: Model): Entity[] {
  return allEntities(model).filter((entity) => entity.adopted === true);
}

/** New tables whole; of adopted ones what stands beside them. No table that is in use is locked. */
export function objectsDdl(model: Model, site: number): string[] {
  const made = madeEntities(model);
  const schemas = new Set(made.map((entity) => entity.table.schema));
  return [
    ...[...schemas].map((schema) => `CREATE SCHEMA IF NOT EXISTS ${ident(schema)}`),
    ...helperDdl(model.entities),
    ...made.flatMap((entity) => [tableDdl(model, entity), ...indexDdl(entity)]),
    ...made.flatMap(derivedDdl),
    ...made.flatMap((entity) => laterReferencesDdl(model, entity)),
    ...made.flatMap((entity) => replicationDdl(entity, site)),
    ...adoptedEntities(model).flatMap((entity) => replicationObjects(entity, site)),
  ];
}

export interface AdoptOptions {
  site: number;
  /** Major version of the server. */
  serverMajor: number;
  /** Last values of sequences where the rows come from, by `schema.name`. */
  above?: ReadonlyMap<string, string>;
}

/** Stored generated columns are shipped. From version 18 on UPDATE would be refused otherwise: the old row must be in the WAL whole. */
export function publicationDdl(tables: readonly AdoptedTable[], serverMajor: number): string[] {
  const stored = tables.some(({ facts }) =>
    facts.columns.some((column) => column.generated === 's'),
  );
  return stored && serverMajor >= 18
    ? ['ALTER PUBLICATION crp SET (publish_generated_columns = stored)']
    : [];
}

/** What replication adds to a table: hidden columns, derived ones, triggers. */
export function tableChangesDdl(entity: Entity, site: number): string[] {
  return [...adoptionDdl(entity), ...derivedDdl(entity), ...replicationTriggers(entity, site)];
}

/** What is done to the tables that are in use, in the order in which their locks are asked for; then their sequences. */
export function adoptTablesDdl(tables: readonly AdoptedTable[], options: AdoptOptions): string[] {
  return [...adoptChangesDdl(tables, options), ...stridesDdl(tables, options)];
}

/** That without the sequences. */
export function adoptChangesDdl(
  tables: readonly AdoptedTable[],
  { site, serverMajor }: AdoptOptions,
): string[] {
  return [
    ...publicationDdl(tables, serverMajor),
    ...tables.flatMap(({ entity }) => tableChangesDdl(entity, site)),
  ];
}

/** The lock that stops writers for as long as the transaction takes; asked for one table after the other. */
export function lockDdl(entities: readonly Entity[]): string[] {
  return entities.map((entity) => `LOCK TABLE ${tableOf(entity)} IN ACCESS EXCLUSIVE MODE`);
}

/** Rights of the site's roles on a model's tables. */
export function modelGrants(model: Model, roles: SiteRoles): string[] {
  const schemas = [...new Set(madeEntities(model).map((entity) => entity.table.schema))];
  return [
    ...schemas.flatMap((schema) => agentTableGrants(roles.agent, schema)),
    ...schemas.flatMap((schema) => serviceGrants(roles.service, schema)),
    ...adoptedGrants(adoptedEntities(model), roles),
    ...counterGrants(roles.service, model),
    ...functionGrants(roles.agent, model),
  ];
}

/** Adopted tables stay whose they are; the site's roles get what they need, table by table. */
export function adoptedGrants(
  entities: readonly Entity[],
  roles: Omit<SiteRoles, 'owner'>,
): string[] {
  if (entities.length === 0) return [];
  const both = `${ident(roles.agent)}, ${ident(roles.service)}`;
  const schemas = [...new Set(entities.map((entity) => entity.table.schema))];
  return [
    ...schemas.map((schema) => `GRANT USAGE ON SCHEMA ${ident(schema)} TO ${both}`),
    ...entities.map(
      (entity) => `GRANT SELECT, INSERT, UPDATE, DELETE ON TABLE ${tableOf(entity)} TO ${both}`,
    ),
    `GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA crp TO ${ident(roles.agent)}`,
  ];
}

/**
 * Rights on what adopted tables are made of. The service takes values from their sequences, and the agent tells new sites
 * how far these are; it names their types, and what defaults and indexes call, by their schemas.
 */
export function partGrants(
  tables: readonly AdoptedTable[],
  { agent, service }: Omit<SiteRoles, 'owner'>,
): string[] {
  const schemas = [...new Set(tables.flatMap(({ facts }) => facts.uses))];
  return [
    ...schemas.map((schema) => `GRANT USAGE ON SCHEMA ${ident(schema)} TO ${ident(agent)}`),
    ...tables.flatMap(({ facts }) =>
      sequencesOf(facts).flatMap(({ sequence: { schema, name } }) => {
        const sequence = `${ident(schema)}.${ident(name)}`;
        return [
          `GRANT USAGE ON SEQUENCE ${sequence} TO ${ident(service)}`,
          `GRANT SELECT ON SEQUENCE ${sequence} TO ${ident(agent)}`,
        ];
      }),
    ),
  ];
}

/** Functions of the counters of all entities. */
export function countersDdl(model: Model, site: number): string[] {
  return model.entities.flatMap((entity) => counterDdl(model, { entity, site }));
}

/**
 * Everything that Syncline made belongs to the owner, so that trigger functions (SECURITY DEFINER) run with
 * its rights and not with a superuser's. What belongs to it already is not touched: ALTER TABLE would wait
 * for the agent. Schemas that have adopted tables stay whose they are.
 */
export function ownerDdl(models: readonly Model[], owner: string): string {
  const made = models.flatMap(madeEntities).map((entity) => entity.table.schema);
  const adopted = new Set(models.flatMap(adoptedEntities).map((entity) => entity.table.schema));
  const schemas = ['crp', ...new Set(made.filter((schema) => !adopted.has(schema)))];
  const list = `ARRAY[${schemas.map(literal).join(', ')}]`;
  const tables = models
    .flatMap(madeEntities)
    .map((entity) => `${literal(tableOf(entity))}::regclass`);
  return `DO ${dollarQuote(`
DECLARE
  statement text;
BEGIN
  FOR statement IN
    SELECT format('ALTER TABLE %s OWNER TO %I', c.oid::regclass, r.rolname)
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace, pg_roles AS r
    WHERE r.rolname = ${literal(owner)} AND c.relowner <> r.oid AND c.relkind IN ('r', 'p', 'v')
      AND (n.nspname = ANY (${list}) OR c.oid = ANY (ARRAY[${tables.join(', ')}]::regclass[]))
    UNION ALL
    SELECT format('ALTER SEQUENCE %s OWNER TO %I', c.oid::regclass, r.rolname)
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace, pg_roles AS r
    WHERE r.rolname = ${literal(owner)} AND c.relowner <> r.oid AND n.nspname = ANY (${list})
      AND c.relkind = 'S' AND NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.objid = c.oid
        AND d.deptype IN ('a', 'i') AND d.classid = 'pg_class'::regclass)
    UNION ALL
    SELECT format('ALTER FUNCTION %s OWNER TO %I', p.oid::regprocedure, r.rolname)
    FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace, pg_roles AS r
    WHERE r.rolname = ${literal(owner)} AND p.proowner <> r.oid AND n.nspname = ANY (${list})
    UNION ALL
    SELECT format('ALTER SCHEMA %I OWNER TO %I', n.nspname, r.rolname)
    FROM pg_namespace AS n, pg_roles AS r
    WHERE r.rolname = ${literal(owner)} AND n.nspowner <> r.oid AND n.nspname = ANY (${list})
    UNION ALL
    SELECT format('ALTER PUBLICATION crp OWNER TO %I', r.rolname) FROM pg_publication AS p, pg_roles AS r
    WHERE r.rolname = ${literal(owner)} AND p.pubname = 'crp' AND p.pubowner <> r.oid
  LOOP
    EXECUTE statement;
  END LOOP;
END
`)}`;
}

/** Takes away again what adoption added to a table; the rows stay. Triggers go with their functions. */
export function releaseDdl(entity: Entity): string[] {
  if (entity.local === true) return [];
  const table = tableOf(entity);
  return [
    `ALTER TABLE ${table} REPLICA IDENTITY DEFAULT`,
    ...checkLocalDdl(entity),
    ...(entity.fireAlways ?? []).map(
      (name) => `ALTER TABLE ${table} ENABLE TRIGGER ${ident(name)}`,
    ),
    `ALTER TABLE ${table} ${hiddenNames(entity)
      .map((name) => `DROP COLUMN IF EXISTS ${ident(name)}`)
      .join(', ')}`,
  ];
}
