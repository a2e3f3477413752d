/** Whether sites can take a revision one after the other: what the models say, and what the database knows besides. */
import type { Client } from 'pg';
import { AppError } from '../../base/errors.ts';
import { rollingObstacles } from '../../model/evolution/compatible.ts';
import type { Check, Entity, Model } from '../../model/ir/ir.ts';
import { ident } from '../../model/ir/names.ts';
import { addedColumns, checksOfNewColumns, columnsOf } from '../../model/evolution/narrowed.ts';
import type { AdoptedTable } from '../../sql/ddl/install-ddl.ts';
import { readTableFacts } from '../../sql/tables/table-facts.ts';

export interface Rolling {
  before: Model;
  after: Model;
  /** Those that programs made, as they are here. */
  tables: readonly AdoptedTable[];
}

/**
 * Changes nothing, and locks nothing.
 *
 * @throws AppError MODEL_NOT_ROLLING that lists everything that stands in the way
 */
export async function checkRolling(client: Client, rolling: Rolling): Promise<void> {
  const { before, after, tables } = rolling;
  const obstacles = [...rollingObstacles(before, after), ...lateTableColumns(before, tables)];
  for (const old of before.entities) {
    const now = after.entities.find(({ name }) => name === old.name);
    if (now === undefined) continue;
    obstacles.push(...(await foreignColumns(client, old, now)));
    for (const check of checksOfNewColumns(old, now)) {
      if (!(await allowsDefaults(client, now, check))) obstacles.push(brokenByDefaults(now, check));
    }
  }
  if (obstacles.length === 0) return;
  const { name, revision } = after;
  const list = obstacles.map((obstacle) => `\n  - ${obstacle}`).join('');
  throw new AppError(
    'MODEL_NOT_ROLLING',
    `Sites with "${name}" ${revision} and with ${before.revision} could not replicate with each other:${list}`,
    { hint: 'syncline model diff OLD NEW says what else could be done. Nothing was changed' },
  );
}

/** Columns that a program added, and that rows of sites without them have nothing for. */
function lateTableColumns(before: Model, tables: readonly AdoptedTable[]): string[] {
  return tables.flatMap(({ entity, facts }) => {
    const old = before.entities.find(({ name }) => name === entity.name);
    if (old === undefined) return [];
    const added = new Set(addedColumns(old, entity).map(({ name }) => name));
    return facts.columns
      .filter(
        ({ name, notNull, hasDefault, generated, identity }) =>
          added.has(name) && notNull && !hasDefault && generated === '' && identity === '',
      )
      .map(
        ({ name }) =>
          `entity "${entity.name}": column "${name}" is NOT NULL and without a default, and rows of sites that ` +
          `lack it have no value of it: ALTER TABLE … ALTER COLUMN ${name} SET DEFAULT …`,
      );
  });
}

/** New columns that somebody made here already, of another type: they would be taken as they are. */
async function foreignColumns(client: Client, old: Entity, now: Entity): Promise<string[]> {
  const added = addedColumns(old, now);
  if (added.length === 0 || now.adopted === true) return [];
  const facts = await readTableFacts(client, now.table);
  return added.flatMap(({ name, type }) => {
    const found = facts?.columns.find((column) => column.name === name);
    if (found === undefined || found.type === type) return [];
    return [
      `entity "${now.name}": the table has a column "${name}" of type ${found.type} already, and the new one is ` +
        `${type}: ALTER TABLE … RENAME COLUMN ${name} TO …`,
    ];
  });
}

/** Of a CHECK of new columns, for a row with their defaults and any key. */
async function allowsDefaults(client: Client, entity: Entity, check: Check): Promise<boolean> {
  const columns = columnsOf(entity, check);
  const values = columns.map(
    (column) => `(${column.default ?? 'NULL'})::${column.type} AS ${ident(column.name)}`,
  );
  const { rows } = await client.query<{ holds: boolean | null }>(
    `SELECT (${check.expression}) AS holds FROM (SELECT ${values.join(', ')}) AS row`,
  );
  const holds = rows[0]?.holds ?? null;
  // What depends on the key is NULL here, and may be false there.
  const isOfKey = columns.some(({ name }) => entity.key.includes(name));
  return isOfKey ? holds === true : holds !== false;
}

function brokenByDefaults(entity: Entity, check: Check): string {
  const columns = columnsOf(entity, check).map(({ name }) => `"${name}"`);
  return (
    `entity "${entity.name}": new column ${columns.join(', ')} may not have its default (${check.name}: ` +
    `${check.expression}), which rows of sites without it have: give it another default, or leave the condition out`
  );
}
