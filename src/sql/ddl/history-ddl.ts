import type { Entity } from '../../model/ir/ir.ts';
import { valueColumns } from '../../model/ir/replicated.ts';
import { dollarQuote, ident } from '../../model/ir/names.ts';
import { functionChecks } from './function-ddl.ts';
import { BIRTH, columnList, tableOf, tombstoneOf } from '../names/apply-names.ts';
import { keyChanged } from './row-change.ts';

/*
 * The history of an entity whose methods depend on the order of changes: the changes of each key that are
 * not stable (docs/convergence.md). A table in schema crp that is not in the publication: every site records
 * its own changes by a trigger and those of the others when it applies them.
 *
 * A row is one change of a key as its origin made it: the row before and after, and the tombstone of a
 * delete; or the stable state that replay begins with (`_crp_base`). The key's columns have their own names,
 * hence the prefix of the others, which no column of a model can have.
 */

/** Columns of a history table after the key's, with their types. */
export const HISTORY_COLUMNS = {
  /** The greatest stamp that the change wrote; of a base, that of the last change in it. */
  _crp_stamp: 'bigint NOT NULL',
  _crp_base: 'boolean NOT NULL DEFAULT false',
  _crp_old_birth: 'bigint',
  _crp_old_stamps: 'bigint[]',
  _crp_old_values: 'text[]',
  _crp_birth: 'bigint',
  _crp_stamps: 'bigint[]',
  _crp_values: 'text[]',
  _crp_dead_birth: 'bigint',
  _crp_dead_stamp: 'bigint',
} as const;

const NAMES = Object.keys(HISTORY_COLUMNS);

/** The entity's history table. @throws TypeError for an entity that keeps none */
export function historyOf(entity: Entity): string {
  if (entity.history === undefined) throw new TypeError(`"${entity.name}" keeps no history`);
  return `crp.${ident(entity.history)}`;
}

/** All columns of the history table, in order. */
export function historyColumns(entity: Entity): string[] {
  return [...entity.key, ...NAMES];
}

/** The order of the arrays of values. */
function valueNames(entity: Entity): string[] {
  return valueColumns(entity).map(({ name }) => name);
}

function sameKeyAs(entity: Entity, row: 'NEW' | 'OLD'): string {
  return entity.key.map((key) => `h.${ident(key)} = ${row}.${ident(key)}`).join(' AND ');
}

/** The newest stamp in the history of a row's key; NULL without one. By the end of the primary key. */
export function newestChange(entity: Entity, row: 'NEW' | 'OLD'): string {
  return `(SELECT max(h._crp_stamp) FROM ${historyOf(entity)} AS h WHERE ${sameKeyAs(entity, row)})`;
}

/** History table and the function of its trigger, of an entity that keeps one. */
export function historyDdl(entity: Entity): string[] {
  if (entity.history === undefined) return [];
  const keys = entity.key.map((key) => {
    const column = entity.columns.find((candidate) => candidate.name === key)!;
    return `${ident(key)} ${column.type} NOT NULL`;
  });
  const rest = Object.entries(HISTORY_COLUMNS).map(([name, type]) => `${name} ${type}`);
  return [
    ...functionChecks(entity),
    `CREATE TABLE IF NOT EXISTS ${historyOf(entity)} (${[...keys, ...rest].join(', ')}, ` +
      `PRIMARY KEY (${columnList(entity.key)}, _crp_stamp))`,
    historyFunction(entity),
  ];
}

/** The trigger that records; the rest of `historyDdl` does not touch the entity's own table. */
export function historyTrigger(entity: Entity): string[] {
  if (entity.history === undefined) return [];
  return [
    `CREATE OR REPLACE TRIGGER zz_crp_history AFTER INSERT OR UPDATE OR DELETE ON ${tableOf(entity)} ` +
      `FOR EACH ROW EXECUTE FUNCTION crp.${ident(functionName(entity))}()`,
  ];
}

/**
 * What becomes of the history when the model changes. Of an entity that keeps none any more nothing may be
 * left: it would be wrong if it began again. The arrays of values are brought into the new order.
 */
export function historyChanges(old: Entity, entity: Entity): string[] {
  if (old.history !== entity.history) {
    const drop = [
      `DROP TRIGGER IF EXISTS zz_crp_history ON ${tableOf(old)}`,
      `DROP FUNCTION IF EXISTS crp.${ident(functionName(old))}()`,
      `DROP TABLE IF EXISTS ${old.history === undefined ? '' : historyOf(old)}`,
    ];
    return [
      ...(old.history === undefined ? [] : drop),
      ...historyDdl(entity),
      ...historyTrigger(entity),
    ];
  }
  if (entity.history === undefined) return [];
  const values = moved(valueNames(old), valueNames(entity), (name) => firstValue(entity, name));
  const names = ({ groups }: Entity): string[] => groups.map((group) => group.stamp);
  const stamps = moved(names(old), names(entity), () => '0');
  const array = (column: string, by: string[], type: string): string =>
    `${column} = CASE WHEN ${column} IS NOT NULL THEN ARRAY[${by.map((one) => one.replace('$', column)).join(', ')}]::${type} END`;
  const sets = [
    ...(values === undefined
      ? []
      : ['_crp_old_values', '_crp_values'].map((column) => array(column, values, 'text[]'))),
    ...(stamps === undefined
      ? []
      : ['_crp_old_stamps', '_crp_stamps'].map((column) => array(column, stamps, 'bigint[]'))),
  ];
  return sets.length === 0 ? [] : [`UPDATE ${historyOf(entity)} SET ${sets.join(', ')}`];
}

/** The elements of a new array by those of the old one, `$[n]`; undefined if all stay where they are. */
function moved(
  old: readonly string[],
  now: readonly string[],
  fresh: (name: string) => string,
): string[] | undefined {
  if (old.length === now.length && old.every((name, index) => name === now[index]))
    return undefined;
  return now.map((name) => (old.includes(name) ? `$[${old.indexOf(name) + 1}]` : fresh(name)));
}

/** Text of the value that a new column has in the rows that are there; tags of sets are NULL. */
function firstValue(entity: Entity, name: string): string {
  const column = entity.columns.find((one) => one.name === name);
  return column?.default === undefined ? 'NULL' : `((${column.default})::${column.type})::text`;
}

function functionName(entity: Entity): string {
  return `history_${entity.tombstone}`;
}

/**
 * Values are recorded in text form, which must not depend on the session of the service. What few tables have is set
 * for them only: each setting costs something a row.
 */
function settings(entity: Entity): string {
  const money = entity.columns.some(({ type }) => type.startsWith('money'));
  return (
    'SET search_path = pg_catalog, pg_temp SET datestyle = ISO SET timezone = UTC ' +
    'SET extra_float_digits = 1 SET bytea_output = hex SET intervalstyle = postgres' +
    (money ? ' SET lc_monetary = "C"' : '')
  );
}

/** Birth, stamps and values of OLD or NEW, as the columns hold them. */
function image(entity: Entity, row: 'NEW' | 'OLD'): string {
  const stamps = entity.groups.map((group) => `${row}.${ident(group.stamp)}`);
  const values = valueNames(entity).map((name) => `${row}.${ident(name)}::text`);
  return (
    `${row}.${BIRTH}, ARRAY[${stamps.join(', ')}]::bigint[], ` +
    `ARRAY[${values.join(', ')}]::text[]`
  );
}

const AFTER = '_crp_birth, _crp_stamps, _crp_values';
const BEFORE = '_crp_old_birth, _crp_old_stamps, _crp_old_values';

/**
 * Function of the trigger `zz_crp_history`: records what a service did to a row, after the triggers that
 * stamp it. AFTER ROW triggers run when their statement ends, before the next one can delete the key again,
 * so the tombstone is the one of this delete.
 */
function historyFunction(entity: Entity): string {
  const keys = (row: 'NEW' | 'OLD'): string => columnList(entity.key, row);
  const columns = columnList(entity.key);
  const same = entity.key.map((key) => `x.${ident(key)} = OLD.${ident(key)}`).join(' AND ');
  const stamps = entity.groups.map((group) => ident(group.stamp));
  const stampsOf = (row: 'NEW' | 'OLD'): string =>
    stamps.map((name) => `${row}.${name}`).join(', ');
  return `CREATE OR REPLACE FUNCTION crp.${ident(functionName(entity))}() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER ${settings(entity)} AS ${dollarQuote(`
BEGIN
  IF TG_OP = 'UPDATE' AND NOT (${keyChanged(entity)}) THEN
    IF ROW(${stampsOf('OLD')}) IS DISTINCT FROM ROW(${stampsOf('NEW')}) THEN
      INSERT INTO ${historyOf(entity)} (${columns}, _crp_stamp, ${BEFORE}, ${AFTER})
        VALUES (${keys('NEW')}, greatest(${stampsOf('NEW')}), ${image(entity, 'OLD')}, ${image(entity, 'NEW')});
    END IF;
    RETURN NULL;
  END IF;
  IF TG_OP <> 'INSERT' THEN
    INSERT INTO ${historyOf(entity)} (${columns}, _crp_stamp, ${BEFORE}, _crp_dead_birth, _crp_dead_stamp)
      SELECT ${keys('OLD')}, x.stamp, ${image(entity, 'OLD')}, x.birth, x.stamp
      FROM ${tombstoneOf(entity)} AS x WHERE ${same};
  END IF;
  IF TG_OP <> 'DELETE' THEN
    -- It waited for somebody who inserted and deleted the key, and is stamped before that: try again.
    IF NEW.${BIRTH} <= ${newestChange(entity, 'NEW')} THEN
      RAISE EXCEPTION 'the key of a new row of "%" was deleted meanwhile', TG_TABLE_NAME
        USING ERRCODE = 'serialization_failure', HINT = 'Try the transaction again.';
    END IF;
    INSERT INTO ${historyOf(entity)} (${columns}, _crp_stamp, ${AFTER})
      VALUES (${keys('NEW')}, NEW.${BIRTH}, ${image(entity, 'NEW')});
  END IF;
  RETURN NULL;
END
`)}`;
}
