import type { ColumnGroup, Entity } from '../../model/ir/ir.ts';
import { isMonotonic } from '../../model/groups/column-order.ts';
import { ident } from '../../model/ir/names.ts';
import { isLooseNumber } from '../../model/types/loose-types.ts';
import { columnList } from '../names/apply-names.ts';
import { literal } from './catalog-ddl.ts';

/*
 * What counts as a change of a row that a service writes. `=` does not say it: by that 1.0 is 1.00, 24 hours are 1 day,
 * and with citext "a" is "A"; such a write would have no stamp, and the sites would differ for ever. And types without
 * an operator of that name on the function's search path, those of extensions and json, could not be written at all.
 */

/**
 * Condition: two lists of expressions have other bytes somewhere. As two records, since two row constructors are compared
 * column by column, by their types' operators (PostgreSQL manual, 9.25.6).
 */
export function imagesDiffer(one: string, other: string): string {
  return `record_image_ne(ROW(${one}), ROW(${other}))`;
}

/** Condition of a trigger: one of the columns holds other bytes in NEW than in OLD. */
export function changed(columns: readonly string[]): string {
  // The group of an entity that is all key.
  if (columns.length === 0) return 'false';
  return imagesDiffer(columnList(columns, 'NEW'), columnList(columns, 'OLD'));
}

/** Condition of a trigger: the row gets another key. Equal keys are the same (src/sql/checks/adopt-check.ts), so this is cheap and right. */
export function keyChanged({ key }: Entity): string {
  return key.map((name) => `NEW.${ident(name)} IS DISTINCT FROM OLD.${ident(name)}`).join(' OR ');
}

/** Names of a group's columns with a type that the condition holds for. */
function columnsOf(entity: Entity, group: ColumnGroup, holds: (type: string) => boolean): string[] {
  return group.columns.filter((name) =>
    entity.columns.some((column) => column.name === name && holds(column.type)),
  );
}

/**
 * Statements that leave the columns of a monotonic group as they are where the new value is equal by order: 1.0 after
 * 1.00 is no step up, and would be one down where sites tell them apart.
 */
export function keepEqual(entity: Entity, group: ColumnGroup): string {
  if (!isMonotonic(group.method)) return '';
  return columnsOf(entity, group, isLooseNumber)
    .map(ident)
    .map((name) => `  IF NEW.${name} = OLD.${name} THEN NEW.${name} := OLD.${name}; END IF;\n`)
    .join('');
}

/** Statements that refuse what differences cannot be added to. Infinities have no room in a numeric(p,s). */
export function mustBeNumbers(entity: Entity): string {
  return entity.groups
    .filter(({ method }) => method === 'additive')
    .flatMap((group) => columnsOf(entity, group, (type) => type.startsWith('numeric')))
    .map(
      (name) => `  IF NEW.${ident(name)} = 'NaN' THEN
    RAISE EXCEPTION 'column "%" of "%" cannot be NaN: its method is additive', ${literal(name)}, TG_TABLE_NAME
      USING ERRCODE = 'check_violation', COLUMN = ${literal(name)}, HINT = 'Nothing can be added to it.';
  END IF;\n`,
    )
    .join('');
}
