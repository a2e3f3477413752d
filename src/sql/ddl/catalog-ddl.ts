import { quoteLiteral, ident } from '../../model/ir/names.ts';
import { outboxDdl } from './outbox-ddl.ts';
import { waitingDdl } from './waiting-ddl.ts';

/**
 * Counts the changes to what `syncline init` makes in a database: tables of schema crp, triggers, rights. A build
 * does not work with a database of another layout; `syncline upgrade` brings an earlier one up to date.
 */
export const LAYOUT = 4;

/** What a site's catalogue is made for. */
export interface CatalogOptions {
  site: { name: string; number: number; incarnation: number };
  /** The agent's role: gets the rights listed in `agentGrants`, and no others. */
  role?: string;
  /** The role has those of `parameterGrants` already. */
  hasParameters?: boolean;
}

/**
 * Statements that make the schema `crp` (ARCHITECTURE.md §5). Idempotent: they run again on a database of
 * an earlier layout.
 */
export function catalogDdl(options: CatalogOptions): string[] {
  const { name, number, incarnation } = options.site;
  return [
    'CREATE SCHEMA IF NOT EXISTS crp',
    `CREATE TABLE IF NOT EXISTS crp.site (name text NOT NULL, number integer PRIMARY KEY,
       incarnation integer NOT NULL)`,
    'ALTER TABLE crp.site ADD COLUMN IF NOT EXISTS layout integer NOT NULL DEFAULT 0',
    `INSERT INTO crp.site VALUES (${literal(name)}, ${number}, ${incarnation}) ON CONFLICT DO NOTHING`,
    `UPDATE crp.site SET layout = ${LAYOUT}`,
    `CREATE TABLE IF NOT EXISTS crp.member (name text PRIMARY KEY, number integer NOT NULL UNIQUE
       CHECK (number BETWEEN 1 AND 2047), address text, incarnation integer NOT NULL DEFAULT 1,
       state text NOT NULL CHECK (state IN ('invited', 'joining', 'active', 'left')))`,
    `CREATE TABLE IF NOT EXISTS crp.model (name text PRIMARY KEY, revision text NOT NULL,
       hash text NOT NULL, ir jsonb NOT NULL, installed_at timestamptz NOT NULL DEFAULT now())`,
    `ALTER TABLE crp.model ADD COLUMN IF NOT EXISTS older text[] NOT NULL DEFAULT '{}'`,
    `CREATE TABLE IF NOT EXISTS crp.progress (origin integer PRIMARY KEY, incarnation integer NOT NULL,
       position bigint NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())`,
    'CREATE SEQUENCE IF NOT EXISTS crp.floor MINVALUE 0 START 0 CACHE 1',
    'CREATE SEQUENCE IF NOT EXISTS crp.stable MINVALUE 0 START 0 CACHE 1',
    `CREATE TABLE IF NOT EXISTS crp.conflict (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
       detected_at timestamptz NOT NULL DEFAULT clock_timestamp(), entity text NOT NULL, key jsonb,
       type text NOT NULL, column_group text, method text NOT NULL, winner text NOT NULL,
       origin integer NOT NULL, origin_site text, local_stamp bigint, remote_stamp bigint,
       local_row jsonb, remote_row jsonb, reason text NOT NULL, status text NOT NULL)`,
    ...waitingDdl(),
    ...outboxDdl(),
    `DO $$ BEGIN CREATE PUBLICATION crp; EXCEPTION WHEN duplicate_object THEN NULL; END $$`,
    ...(options.role === undefined ? [] : agentGrants(options.role, options.hasParameters)),
  ];
}

/**
 * The agent's rights beyond `LOGIN REPLICATION` and those on the entity tables themselves. The last two
 * kinds only a superuser may grant (PostgreSQL manual: GRANT … ON PARAMETER; 9.28.6 Replication).
 *
 * @param hasParameters the role has those of `parameterGrants` already
 */
export function agentGrants(role: string, hasParameters = false): string[] {
  const to = ident(role);
  const functions = [
    'pg_replication_origin_create(text)',
    'pg_replication_origin_session_setup(text)',
    'pg_replication_origin_session_reset()',
    'pg_replication_origin_oid(text)',
    'pg_replication_origin_drop(text)',
  ];
  return [
    `GRANT USAGE ON SCHEMA crp TO ${to}`,
    `GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA crp TO ${to}`,
    `GRANT SELECT, UPDATE ON SEQUENCE crp.floor, crp.stable TO ${to}`,
    ...(hasParameters ? [] : parameterGrants(role)),
    ...functions.map((name) => `GRANT EXECUTE ON FUNCTION pg_catalog.${name} TO ${to}`),
    // From PostgreSQL 16 on; the server does itself every 15 s what it does.
    `DO $$ BEGIN GRANT EXECUTE ON FUNCTION pg_catalog.pg_log_standby_snapshot() TO ${to}; ` +
      `EXCEPTION WHEN undefined_function THEN NULL; END $$`,
  ];
}

/** Those of the agent's rights that stand in a catalogue of the whole server, which sites in other databases change too. */
export function parameterGrants(role: string): string[] {
  return ['session_replication_role', 'deadlock_timeout'].map(
    (name) => `GRANT SET ON PARAMETER ${name} TO ${ident(role)}`,
  );
}

/** The agent's rights on a model's tables: it writes what the other sites wrote. */
export function agentTableGrants(role: string, schema: string): string[] {
  return [
    `GRANT USAGE ON SCHEMA ${ident(schema)} TO ${ident(role)}`,
    `GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ${ident(schema)} TO ${ident(role)}`,
    `GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA crp TO ${ident(role)}`,
  ];
}

/** A service's rights: the model's tables and nothing of ours. */
export function serviceGrants(role: string, schema: string): string[] {
  return [
    `GRANT USAGE ON SCHEMA ${ident(schema)} TO ${ident(role)}`,
    `GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ${ident(schema)} TO ${ident(role)}`,
  ];
}

/** An SQL string constant. */
export const literal = quoteLiteral;
