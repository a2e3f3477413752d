/** Whether a table has room for what replication adds to it, and for what apply does. Pure. */
import { hiddenColumns } from '../../model/ir/ir.ts';
import type { Entity } from '../../model/ir/ir.ts';
import { shippedNames } from '../names/shape.ts';
import type { TableFacts } from '../tables/table-facts.ts';

/**
 * Apply reads what a row was, what it becomes and what is here in one row of a result, with four more values, and PostgreSQL's
 * have room for 1664 (MaxTupleAttributeNumber, htup_details.h).
 */
const MAX_COLUMNS = Math.floor((1664 - 4) / 3);

/** What is in the way, each with what to do, as the end of a sentence that begins with the table. */
export function roomProblems(entity: Entity, facts: TableFacts): string[] {
  return [...hiddenProblems(entity, facts), ...widthProblems(entity), ...otherReplication(facts)];
}

/** ADD COLUMN IF NOT EXISTS would take the program's column for ours. */
function hiddenProblems(entity: Entity, { columns }: TableFacts): string[] {
  return hiddenColumns(entity)
    .filter(({ name, type }) => columns.some((found) => found.name === name && found.type !== type))
    .map(
      ({ name }) =>
        `has a column "${name}" of its own, a name that replication takes for its hidden columns: rename it ` +
        '(ALTER TABLE … RENAME COLUMN)',
    );
}

function widthProblems(entity: Entity): string[] {
  const width = shippedNames(entity).length;
  if (width <= MAX_COLUMNS) return [];
  return [
    `has ${width} replicated columns with the hidden ones, and apply has room for ${MAX_COLUMNS}: take some out of the ` +
      'model, and they stay with the site, or divide the table',
  ];
}

/** What else of PostgreSQL's logical replication there is at the table. */
function otherReplication({ narrowPublications, subscriptions }: TableFacts): string[] {
  return [
    ...narrowPublications.map(
      (name) =>
        `is in publication "${name}", which leaves columns out, and PostgreSQL refuses UPDATE and DELETE then, for the ` +
        `replicated table has REPLICA IDENTITY FULL: publish it whole (ALTER PUBLICATION ${name} DROP TABLE …, ADD TABLE …; ` +
        'for generated columns SET (publish_generated_columns = stored))',
    ),
    ...subscriptions.map(
      (name) =>
        `is written to by subscription "${name}", whose rows get no stamps and reach no other site: take the table out of ` +
        'what it subscribes to, or drop it (DROP SUBSCRIPTION)',
    ),
  ];
}
