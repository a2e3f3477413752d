/**
 * Rules on the values of a row that a later revision has and an earlier one has not. Rows that a site with the earlier
 * one writes would break them: they would wait at the others, and that site could not take the revision.
 */
import { isImplied, namesIn } from './implied.ts';
import type { Check, Column, Entity } from '../ir/ir.ts';
import { replicatedColumns } from '../ir/replicated.ts';

/** What to do in place of another rule for a column that is there. */
export const ANOTHER_COLUMN = 'add a column with another name, in a group of its own';

/**
 * What the new revision forbids in columns and CHECKs, each with the reason and what to do. Of a table that a program
 * made nothing is said: its constraints are the program's.
 */
export function narrowedRules(old: Entity, now: Entity): string[] {
  if (now.adopted === true) return [];
  return [
    ...replicatedColumns(now).flatMap((column) => {
      const before = old.columns.find(({ name }) => name === column.name);
      return before === undefined ? lateColumn(column) : columnRules(before, column);
    }),
    ...newChecks(old, now)
      .filter((check) => !isOfNewColumns(old, now, check))
      .filter(({ expression }) => !isImplied(expressions(old), expression))
      .map((check) => narrowedCheck(now, check)),
  ];
}

/**
 * CHECKs of columns that are all new, but for the key. Rows of a site that lacks the columns have the defaults, and must
 * keep them.
 */
export function checksOfNewColumns(old: Entity, now: Entity): Check[] {
  if (now.adopted === true) return [];
  return newChecks(old, now).filter((check) => isOfNewColumns(old, now, check));
}

/** Columns that only the new revision has. */
export function addedColumns(old: Entity, now: Entity): Column[] {
  const known = new Set(old.columns.map(({ name }) => name));
  return now.columns.filter(({ name }) => !known.has(name));
}

/** The columns of an entity that a CHECK is on. */
export function columnsOf(entity: Entity, { expression }: Check): Column[] {
  const names = namesIn(expression);
  return entity.columns.filter(({ name }) => names.has(name));
}

function lateColumn({ name, notNull, default: given }: Column): string[] {
  if (!notNull || given !== undefined) return [];
  return [
    `new column "${name}" has no default and must have a value, which rows of sites without it do not have: ` +
      'give it a default, or leave "mandatory" out',
  ];
}

function columnRules(old: Column, now: Column): string[] {
  if (now.notNull && !old.notNull) {
    return [
      `column "${now.name}" must have a value, and sites with the old revision write rows without, which would ` +
        `wait where the revision is: ${ANOTHER_COLUMN}`,
    ];
  }
  // Who must name a value has no rows without one: no site lacks the column.
  if (old.default === now.default || (old.default === undefined && old.notNull)) return [];
  return [
    `column "${now.name}" has another default, and rows of a site that lacks the column would get the one here and ` +
      `the other there: keep it, and let services name the value`,
  ];
}

function expressions({ checks }: Entity): string[] {
  return checks.map(({ expression }) => expression);
}

/** Those that the old revision has not, of columns that travel. */
function newChecks(old: Entity, now: Entity): Check[] {
  const known = new Set(expressions(old));
  const isSitesOwn = (check: Check): boolean => {
    const columns = columnsOf(now, check);
    return columns.length > 0 && columns.every(({ local }) => local === true);
  };
  return now.checks.filter((check) => !known.has(check.expression) && !isSitesOwn(check));
}

function isOfNewColumns(old: Entity, now: Entity, check: Check): boolean {
  const columns = columnsOf(now, check).filter(({ name }) => !now.key.includes(name));
  const added = new Set(addedColumns(old, now));
  return columns.length > 0 && columns.every((column) => added.has(column));
}

function narrowedCheck(now: Entity, check: Check): string {
  const columns = columnsOf(now, check).map(({ name }) => `"${name}"`);
  return (
    `column ${columns.join(', ')} may not be all that it was (${check.name}: ${check.expression}), and sites with the ` +
    `old revision write that still; it would wait where the revision is: ${ANOTHER_COLUMN}`
  );
}
