/** What an operator should know of a table that is to be adopted, from what the catalogue says of it. Pure. */
import type { Entity } from '../../model/ir/ir.ts';
import { strideOf } from '../ddl/sequence-ddl.ts';
import { hiddenNames } from '../names/shape.ts';
import type { ColumnFacts, TableFacts } from '../tables/table-facts.ts';

/** Columns that stay with the site: neither the model's nor our own. */
export function leftOut(entity: Entity, facts: TableFacts): ColumnFacts[] {
  const known = new Set([...entity.columns.map((column) => column.name), ...hiddenNames(entity)]);
  return facts.columns.filter((column) => !known.has(column.name));
}

/** Whether a trigger is one of ours. */
export const isOurs = (name: string): boolean => /^z[yz]_crp_/.test(name);

/** Notes on an adopted entity and its table. */
export function findNotes(entity: Entity, facts: TableFacts): string[] {
  const always = entity.fireAlways ?? [];
  const local = facts.triggers.filter(
    ({ name, enabled }) => !isOurs(name) && enabled === 'O' && !always.includes(name),
  );
  return [
    ...leftOut(entity, facts)
      .filter((column) => column.generated === '')
      .map((column) => `column "${column.name}" is not in the model and stays with the site`),
    ...local.map(({ name }) => `trigger "${name}" fires for local writes only`),
    ...facts.triggers
      .filter(({ name, before }) => before && always.includes(name))
      .map(
        ({ name }) =>
          `trigger "${name}" fires before rows of other sites are written: it may set only columns that are not in the ` +
          'model, and skip no row, or sites would differ',
      ),
    ...always
      .slice(0, 1)
      .map(
        () =>
          `trigger ${always.map((name) => `"${name}"`).join(', ')} runs with the rights of the agent's role for rows of ` +
          'other sites: grant it what the function uses, or make the function SECURITY DEFINER',
      ),
    ...unsharedSequences(entity, facts),
    ...unknownForeignKeys(entity, facts),
  ];
}

/** Values that are made of a sequence's in a way that no step of it keeps sites apart. */
function unsharedSequences(entity: Entity, facts: TableFacts): string[] {
  return facts.columns.flatMap(({ name, type, sequence }) => {
    if (sequence === undefined || strideOf(type) !== undefined) return [];
    if (!entity.columns.some((column) => column.name === name)) return [];
    return [
      `column "${name}" (${type}) is made of values of sequence "${sequence.schema}.${sequence.name}", which every site gives ` +
        'out: put what tells the sites apart into its default, or two sites make rows with the same value',
    ];
  });
}

/** Foreign keys that no rule is for: PostgreSQL asks what services write, and not what comes of other sites. */
function unknownForeignKeys(entity: Entity, { foreignKeys }: TableFacts): string[] {
  const known = new Set(entity.references.map(({ columns }) => columns.toSorted().join()));
  return foreignKeys
    .filter(({ columns }) => !known.has(columns.toSorted().join()))
    .map(
      ({ name, columns }) =>
        `foreign key "${name}" (${columns.join(', ')}) is not in the model: a row whose target another site deletes at ` +
        'the same time stays without it',
    );
}
