import type { Claim, Entity } from '../../model/ir/ir.ts';
import { replicatedColumns } from '../../model/ir/replicated.ts';
import { dollarQuote, ident, inFormat } from '../../model/ir/names.ts';
import { BIRTH, tableOf } from '../names/apply-names.ts';
import { changed } from './row-change.ts';

/*
 * Triggers that refuse local writes which a model forbids. They do not fire in sessions that apply
 * (session_replication_role = replica), so what another site was allowed to write always arrives. Their names
 * sort before that of the stamp trigger: what is refused gets no stamp.
 */

/** Statements that make the guards of an entity; none for most. */
export function guardDdl(entity: Entity, site: number): string[] {
  return [
    ...(entity.appendOnly === true ? appendOnly(entity) : []),
    ...(entity.ownership === undefined ? [] : ownership(entity, site)),
    ...(entity.functionsOnly === true ? functionsOnly(entity) : []),
    ...(entity.claim === undefined ? [] : claim(entity, entity.claim)),
  ];
}

function define(name: string, body: string): string {
  return (
    `CREATE OR REPLACE FUNCTION crp.${ident(name)}() RETURNS trigger LANGUAGE plpgsql ` +
    `SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS ${dollarQuote(`\n${body}\n`)}`
  );
}

/** What belongs to the site may be changed there, whoever owns the row; empty where there is no such column. */
function passSiteLocal(entity: Entity): string {
  if (!entity.columns.some((column) => column.local === true)) return '';
  const columns = replicatedColumns(entity).map(({ name }) => name);
  return `  IF TG_OP = 'UPDATE' AND NOT ${changed(columns)} THEN RETURN NEW; END IF;\n`;
}

function appendOnly(entity: Entity): string[] {
  const name = `append_only_${entity.tombstone}`;
  return [
    define(
      name,
      `BEGIN
${passSiteLocal(entity)}  RAISE EXCEPTION 'rows of "%" are never changed', TG_TABLE_NAME
    USING ERRCODE = 'feature_not_supported', HINT = 'Insert a new row, or delete this one.';
END`,
    ),
    `CREATE OR REPLACE TRIGGER zy_crp_append_only BEFORE UPDATE ON ${tableOf(entity)} ` +
      `FOR EACH ROW EXECUTE FUNCTION crp.${ident(name)}()`,
  ];
}

/**
 * The owner is the site that inserted the row (the last 11 bits of its birth stamp; 0: the row is older than
 * replication), or the one that a column names. What belongs to a site that has left the group, or to no site,
 * may be written everywhere. Looks up crp.member by its keys.
 */
function ownership(entity: Entity, site: number): string[] {
  const name = `owner_${entity.tombstone}`;
  const rule = entity.ownership!;
  const owner =
    rule.kind === 'site'
      ? `SELECT m.name INTO owner FROM crp.member AS m
    WHERE m.number = (OLD.${BIRTH} & 2047) AND m.number <> ${site} AND m.state <> 'left'`
      : `SELECT m.name INTO owner FROM crp.member AS m
    WHERE m.name = (CASE WHEN TG_OP = 'INSERT' THEN NEW.${ident(rule.column)} ELSE OLD.${ident(rule.column)} END)
      AND m.number <> ${site} AND m.state <> 'left'`;
  const when = rule.kind === 'site' ? 'UPDATE OR DELETE' : 'INSERT OR UPDATE OR DELETE';
  return [
    define(
      name,
      `DECLARE
  owner text;
BEGIN
${passSiteLocal(entity)}  ${owner};
  IF owner IS NOT NULL THEN
    RAISE EXCEPTION 'the row of "%" belongs to site "%"', TG_TABLE_NAME, owner
      USING ERRCODE = 'insufficient_privilege', HINT = format('Write it at site "%s".', owner);
  END IF;
  IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
  RETURN NEW;
END`,
    ),
    `CREATE OR REPLACE TRIGGER zy_crp_owner BEFORE ${when} ON ${tableOf(entity)} ` +
      `FOR EACH ROW EXECUTE FUNCTION crp.${ident(name)}()`,
  ];
}

/**
 * Rows that only functions write. They run as the owner of the table, and so do the cascades of foreign keys;
 * the trigger function must not: it asks who is writing. A right on all tables of the schema, which a service
 * has, is then no way around the functions.
 */
function functionsOnly(entity: Entity): string[] {
  const name = `functions_only_${entity.tombstone}`;
  return [
    `CREATE OR REPLACE FUNCTION crp.${ident(name)}() RETURNS trigger LANGUAGE plpgsql ` +
      `SET search_path = pg_catalog, pg_temp AS $crp$
BEGIN
  IF pg_get_userbyid((SELECT c.relowner FROM pg_class AS c WHERE c.oid = TG_RELID)) <> current_user THEN
    RAISE EXCEPTION 'rows of "%" are written by functions only', TG_TABLE_NAME
      USING ERRCODE = 'insufficient_privilege',
        HINT = 'Call the functions whose names end in _add, _take and _give.';
  END IF;
  IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
  RETURN NEW;
END
$crp$`,
    `CREATE OR REPLACE TRIGGER zy_crp_functions_only BEFORE INSERT OR UPDATE OR DELETE ` +
      `ON ${tableOf(entity)} FOR EACH ROW EXECUTE FUNCTION crp.${ident(name)}()`,
  ];
}

/**
 * Only the site that a range names inserts its keys. AFTER the write: an INSERT … ON CONFLICT DO UPDATE of a row
 * that is there is a change, which every site may make. Looks up the ranges, which are few, and crp.member by
 * its key.
 */
function claim(entity: Entity, { key, ranges, first, last, owner }: Claim): string[] {
  const name = `claim_${entity.tombstone}`;
  const table = `${ident(ranges.schema)}.${ident(ranges.name)}`;
  const here = `NEW.${ident(key)} BETWEEN r.${ident(first)} AND r.${ident(last)}`;
  return [
    define(
      name,
      `DECLARE
  owners text;
BEGIN
  IF TG_OP = 'UPDATE' AND NEW.${ident(key)} IS NOT DISTINCT FROM OLD.${ident(key)} THEN RETURN NULL; END IF;
  IF EXISTS (SELECT FROM ${table} AS r WHERE ${here}
      AND NOT EXISTS (SELECT FROM crp.member AS m WHERE m.name = r.${ident(owner)} AND m.state <> 'left'
        AND m.number <> (SELECT s.number FROM crp.site AS s))) THEN
    RETURN NULL;
  END IF;
  SELECT string_agg(DISTINCT r.${ident(owner)}, ', ') INTO owners FROM ${table} AS r WHERE ${here};
  IF owners IS NULL THEN
    RAISE EXCEPTION 'the key % of "%" is in no range of "${inFormat(ranges.name)}"', NEW.${ident(key)}, TG_TABLE_NAME
      USING ERRCODE = 'insufficient_privilege', HINT = 'Add a range with the site that may insert it.';
  END IF;
  RAISE EXCEPTION 'the key % of "%" belongs to site "%"', NEW.${ident(key)}, TG_TABLE_NAME, owners
    USING ERRCODE = 'insufficient_privilege', HINT = format('Insert it at site "%s".', owners);
END`,
    ),
    `CREATE OR REPLACE TRIGGER zy_crp_claim AFTER INSERT OR UPDATE ON ${tableOf(entity)} ` +
      `FOR EACH ROW EXECUTE FUNCTION crp.${ident(name)}()`,
  ];
}
