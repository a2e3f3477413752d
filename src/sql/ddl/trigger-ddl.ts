import type { ColumnGroup, Entity } from '../../model/ir/ir.ts';
import { isMonotonic } from '../../model/groups/column-order.ts';
import { dollarQuote, ident, inLiteral } from '../../model/ir/names.ts';
import { bestOf, orderOf } from '../names/best-value.ts';
import { BIRTH, columnList, tombstoneOf } from '../names/apply-names.ts';
import { literal } from './catalog-ddl.ts';
import { newestChange } from './history-ddl.ts';
import { moveNotes } from './orphan-sql.ts';
import { changed, keepEqual, keyChanged, mustBeNumbers } from './row-change.ts';
import { setInsert, setOf, setUpdate } from './set-ddl.ts';
import { isSet } from '../names/shape.ts';
import { STAMP_NOW } from './stamp-clock.ts';

/*
 * The triggers that stamp local writes (ARCHITECTURE.md §3). They do not fire in sessions that apply
 * (session_replication_role = replica). SECURITY DEFINER: the service's role needs no right on schema
 * crp. The only index relied on is the tombstone table's primary key.
 */

/** A key's column can be called as one of our variables is: in a statement the name means the column. */
function define(name: string, body: string): string {
  return (
    `CREATE OR REPLACE FUNCTION crp.${ident(name)}() RETURNS trigger LANGUAGE plpgsql ` +
    `SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS ` +
    dollarQuote(`\n#variable_conflict use_column\n${body}\n`)
  );
}

/** Time part of the greatest stamp of OLD, plus one. */
function afterOld(entity: Entity): string {
  const stamps = [BIRTH, ...entity.groups.map((group) => ident(group.stamp))].map(
    (stamp) => `OLD.${stamp}`,
  );
  // What lost against the row is only in the history.
  if (entity.history !== undefined) stamps.push(newestChange(entity, 'OLD'));
  return `(greatest(${stamps.join(', ')}) >> 11) + 1`;
}

function sameKeyAs(entity: Entity, row: 'NEW' | 'OLD'): string {
  return entity.key.map((key) => `x.${ident(key)} = ${row}.${ident(key)}`).join(' AND ');
}

function writeTombstone(entity: Entity, stamp: string): string {
  const keys = columnList(entity.key);
  const old = entity.key.map((key) => `OLD.${ident(key)}`).join(', ');
  return (
    `INSERT INTO ${tombstoneOf(entity)} AS x (${keys}, birth, stamp) VALUES (${old}, OLD.${BIRTH}, ${stamp})\n` +
    `  ON CONFLICT (${keys}) DO UPDATE SET birth = greatest(x.birth, excluded.birth), ` +
    `stamp = greatest(x.stamp, excluded.stamp);`
  );
}

/**
 * Local writes of a monotonic group go up in its order: only then does the best value of all writes not
 * depend on who saw which of them. `check_violation` is what programs expect of a value that may not be.
 */
function mustRise(entity: Entity, group: ColumnGroup): string {
  if (!isMonotonic(group.method)) return '';
  const checks = group.columns.map((name) => {
    const [old, next] = [`OLD.${ident(name)}`, `NEW.${ident(name)}`];
    // In parentheses, or plpgsql would take the THEN of a CASE for its own.
    const best = `(${bestOf(orderOf(entity, group, name), old, next)})`;
    return (
      `    IF ${best} IS DISTINCT FROM ${next} THEN\n` +
      `      RAISE EXCEPTION 'column "%" of "%" cannot go from % to %: its method is ${group.method}',\n` +
      `        ${literal(name)}, TG_TABLE_NAME, ${shown(entity, name, old)}, ${shown(entity, name, next)}\n` +
      `        USING ERRCODE = 'check_violation', COLUMN = ${literal(name)},\n` +
      `        HINT = 'Delete the row and insert it again to begin anew.';\n    END IF;\n`
    );
  });
  return checks.join('');
}

/** A value in a message; a secret is not shown. */
function shown(entity: Entity, name: string, value: string): string {
  const secret = entity.columns.some((column) => column.name === name && column.secret === true);
  return secret ? `'(secret)'` : `coalesce(${value}::text, 'NULL')`;
}

/** Function of the trigger `zz_crp_stamp`. */
export function stampFunction(entity: Entity, site: number): string {
  const stamps = [BIRTH, ...entity.groups.map((group) => ident(group.stamp))];
  const keeps = entity.history !== undefined;
  const sets = entity.groups.filter(isSet);
  const groups = entity.groups.map((group) => {
    const stamp = ident(group.stamp);
    if (group.tags !== undefined) return setUpdate(setOf(entity, group), site);
    return (
      `${keepEqual(entity, group)}  IF ${changed(group.columns)} THEN\n${mustRise(entity, group)}` +
      `    NEW.${stamp} := (greatest(at, (OLD.${stamp} >> 11) + 1) << 11) | ${site};\n` +
      `  ELSE\n    NEW.${stamp} := OLD.${stamp};\n  END IF;`
    );
  });
  return define(
    `stamp_${entity.tombstone}`,
    `DECLARE
  at bigint := ${STAMP_NOW};
  dead bigint;
BEGIN
${mustBeNumbers(entity)}  IF TG_OP = 'UPDATE' AND NOT (${keyChanged(entity)}) THEN
${keeps ? `  at := greatest(at, ${afterOld(entity)});\n` : ''}  NEW.${BIRTH} := OLD.${BIRTH};
${groups.join('\n')}
  RETURN NEW;
  END IF;
  IF TG_OP = 'UPDATE' THEN
    at := greatest(at, ${afterOld(entity)});
    ${writeTombstone(entity, `(at << 11) | ${site}`)}
${moveNotes(entity)}  END IF;
${keeps ? `  at := greatest(at, (${newestChange(entity, 'NEW')} >> 11) + 1);\n` : ''}  SELECT (x.stamp >> 11) + 1 INTO dead FROM ${tombstoneOf(entity)} AS x WHERE ${sameKeyAs(entity, 'NEW')};
  at := (greatest(at, dead) << 11) | ${site};
${stamps.map((stamp) => `  NEW.${stamp} := at;`).join('\n')}
${sets.map((group) => setInsert(setOf(entity, group))).join('')}  RETURN NEW;
END`,
  );
}

/** Function of the trigger `zz_crp_tombstone`: before the delete, so that the WAL has the tombstone first. */
export function tombstoneFunction(entity: Entity, site: number): string {
  return define(
    `tombstone_${entity.tombstone}`,
    `DECLARE
  at bigint := greatest(${STAMP_NOW}, ${afterOld(entity)});
BEGIN
  ${writeTombstone(entity, `(at << 11) | ${site}`)}
  RETURN OLD;
END`,
  );
}

/** Function of the trigger `zz_crp_truncate`. */
export function truncateFunction(entity: Entity): string {
  return define(
    `truncate_${entity.tombstone}`,
    `BEGIN
  RAISE EXCEPTION 'TRUNCATE of the replicated table "%" is not supported', TG_TABLE_NAME
    USING ERRCODE = 'feature_not_supported', HINT = 'Use DELETE FROM ${inLiteral(entity.table.name)}.';
END`,
  );
}
