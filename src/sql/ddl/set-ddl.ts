import { columnOrder } from '../../model/groups/column-order.ts';
import type { Column, ColumnGroup, Entity } from '../../model/ir/ir.ts';
import { dollarQuote, ident } from '../../model/ir/names.ts';
import { BIRTH } from '../names/apply-names.ts';
import { imagesDiffer } from './row-change.ts';

/*
 * Sets in the stamp trigger: what a local write of the whole array means for its elements. The rules are
 * those of src/merge/set.ts. Elements are compared in PostgreSQL's text form, which a session's settings
 * must not change; the array is sorted, so that sites with the same set have the same bytes.
 */

/** Text form as apply's sessions print it (src/apply/session.ts). */
const TEXT_SETTINGS =
  `SET TimeZone = 'UTC' SET DateStyle = 'ISO' SET bytea_output = 'hex' ` +
  `SET extra_float_digits = 1 SET IntervalStyle = 'postgres'`;

/** True if elements of the column are sorted as numbers. */
export function hasNumbers(column: Column): boolean {
  const element = column.type.replace(/\[\]$/, '');
  return columnOrder({ method: 'maximum' }, element)?.kind === 'number';
}

/** Names and rules of one set, as its trigger needs them. */
export interface SetColumns {
  column: string;
  stamp: string;
  tags: string;
  numbers: boolean;
  /** An empty set is NULL, since the column may be NULL. */
  nullable: boolean;
  /** What is removed leaves a tag, which keeps it out. */
  removeWins: boolean;
}

/** The set of a group that is one. */
export function setOf(entity: Entity, group: ColumnGroup): SetColumns {
  const column = entity.columns.find(({ name }) => name === group.columns[0])!;
  return {
    ...{ column: ident(column.name), stamp: ident(group.stamp), tags: ident(group.tags!) },
    ...{ numbers: hasNumbers(column), nullable: !column.notNull },
    removeWins: group.method === 'remove-wins',
  };
}

function sorted({ column, numbers, nullable }: SetColumns, row: 'NEW' | 'OLD'): string {
  const array = `crp.set_sorted(${row}.${column}, ${numbers})`;
  return nullable ? `nullif(${array}, '{}')` : array;
}

/**
 * Part of the stamp trigger for a new row: all elements have the row's birth as tag, which is not written.
 * An empty set is NULL where the column may be NULL and else an empty array, whichever of them is written.
 */
export function setInsert(set: SetColumns): string {
  const { column, tags, nullable } = set;
  return `  NEW.${tags} := NULL;
  IF cardinality(NEW.${column}) > 1 THEN
    NEW.${column} := ${sorted(set, 'NEW')};
  ELSIF ${nullable ? `cardinality(NEW.${column}) = 0` : `NEW.${column} IS NULL`} THEN
    NEW.${column} := ${nullable ? 'NULL' : `'{}'`};
  END IF;\n`;
}

/** Part of the stamp trigger for an update; a write that adds and removes nothing changes nothing. */
export function setUpdate(set: SetColumns, site: number): string {
  const { column, stamp, tags } = set;
  const stable = `coalesce(pg_sequence_last_value('crp.stable'::regclass), 0)`;
  const differs = (other: string): string => imagesDiffer(`NEW.${column}`, other);
  const old = `OLD.${column}`;
  return `  IF ${differs(old)} THEN
    NEW.${column} := ${sorted(set, 'NEW')};
  END IF;
  IF ${differs(old)} AND ${differs(sorted(set, 'OLD'))} THEN
    NEW.${stamp} := (greatest(at, (OLD.${stamp} >> 11) + 1) << 11) | ${site};
    NEW.${tags} := crp.set_tags(crp.set_texts(OLD.${column}), crp.set_texts(NEW.${column}), OLD.${tags},
      OLD.${BIRTH}, NEW.${stamp}, ${set.removeWins ? stable : 'NULL'});
  ELSE
    NEW.${column} := OLD.${column};
    NEW.${tags} := OLD.${tags};
    NEW.${stamp} := OLD.${stamp};
  END IF;`;
}

/** @param settings that the function has beside its search path */
function define(head: string, body: string, settings = ''): string {
  return (
    `CREATE OR REPLACE FUNCTION crp.${head} LANGUAGE plpgsql STABLE PARALLEL SAFE ` +
    `SET search_path = pg_catalog, pg_temp ${settings}AS ${dollarQuote(`\n${body}\n`)}`
  );
}

/** The functions that the triggers of sets call. */
export function setFunctions(): string[] {
  return [
    define(
      `set_texts(elements anyarray) RETURNS text[]`,
      `BEGIN
  RETURN ARRAY(SELECT format('%s', x) FROM unnest(elements) AS x WHERE x IS NOT NULL);
END`,
      `${TEXT_SETTINGS} `,
    ),
    // DISTINCT ON by the text form: types without an order of their own have one too.
    define(
      `set_sorted(INOUT elements anyarray, numbers boolean)`,
      `BEGIN
  elements := coalesce((
    SELECT array_agg(y.x ORDER BY CASE WHEN numbers THEN y.t::numeric END, y.t COLLATE "C")
      FROM (SELECT DISTINCT ON (format('%s', x)) x, format('%s', x) AS t
              FROM unnest(elements) AS x WHERE x IS NOT NULL) AS y), '{}');
END`,
      `${TEXT_SETTINGS} `,
    ),
    tagsFunction(),
  ];
}

/**
 * The tags after a write that found the elements `had` and left the elements `has`. An entry is `+` or `-`,
 * the stamp of the write that added or removed, a space, and the element. NULL: every element has the row's
 * birth as tag. `stable` is NULL for add-wins; else removals up to this stamp are known everywhere, and what
 * was only removed by them is forgotten.
 */
function tagsFunction(): string {
  return define(
    `set_tags(had text[], has text[], tags text[], birth bigint, stamp bigint, stable bigint) RETURNS text[]`,
    `DECLARE
  plain text := '+' || birth || ' ';
  result text[];
BEGIN
  WITH old AS (
    SELECT e, substr(e, strpos(e, ' ') + 1) AS v
      FROM unnest(coalesce(tags, ARRAY(SELECT plain || h FROM unnest(had) AS h))) AS e
  ), gone AS (
    SELECT v FROM old WHERE left(e, 1) = '-' GROUP BY v
    HAVING bool_and(substr(split_part(e, ' ', 1), 2)::bigint <= stable)
  ), next AS (
    SELECT e FROM old WHERE (v = ANY (had)) = (v = ANY (has)) AND v NOT IN (SELECT v FROM gone)
    UNION ALL SELECT '+' || stamp || ' ' || a FROM unnest(has) AS a WHERE a <> ALL (had)
    UNION ALL SELECT '-' || stamp || ' ' || r FROM unnest(had) AS r
      WHERE stable IS NOT NULL AND r <> ALL (has)
  )
  SELECT array_agg(e ORDER BY e COLLATE "C") INTO result FROM next;
  IF NOT EXISTS (SELECT FROM unnest(result) AS e WHERE NOT starts_with(e, plain)) THEN RETURN NULL; END IF;
  RETURN result;
END`,
  );
}
