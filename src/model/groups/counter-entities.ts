/** The two entities of a counter with a bound: what sites gave, and what they took. See ir.ts, `Counter`. */
import type { CounterDraft, EntityDraft } from '../draft/draft.ts';
import { oneLine } from '../draft/draft.ts';
import { counterKey } from './counters.ts';
import type { Column, Counter, Entity } from '../ir/ir.ts';
import { RESERVED_PREFIX, sqlName } from '../ir/names.ts';

/** A counter of the IR. */
export function finishCounter(counter: CounterDraft, draft: EntityDraft): Counter {
  const { name, path, bound, scale, node } = counter;
  const base = `${draft.name}-${path.replaceAll('/', '-')}`;
  return {
    ...{ name, path },
    ...(node.description === undefined ? {} : { description: oneLine(node.description) }),
    ...{ bound: bound ?? '0', scale, right: `${base}-right`, used: `${base}-used` },
  };
}

/** The entities of all counters of an entity. */
export function counterEntities(entity: Entity, draft: EntityDraft): Entity[] {
  return (entity.counters ?? []).flatMap((counter) => {
    const holder = column('holder', 'integer', 'Number of the site that writes the row.');
    const grantee = column('grantee', 'integer', 'Number of the site that the amount is for.');
    const right = { name: counter.right, suffix: 'right', keys: [holder, grantee] };
    const used = { name: counter.used, suffix: 'used', keys: [holder] };
    return [right, used].map((part) => partOf({ entity, draft, counter }, part));
  });
}

function column(name: string, type: string, description: string): Column {
  return { name, path: name, description, type, notNull: true };
}

/**
 * An entity without a node of its own. `incarnation` is the stamp of the insert that began the row that the
 * counter is of: what remains of a deleted row's counter does not count for a row that gets its key later.
 */
function partOf(
  { entity, draft, counter }: { entity: Entity; draft: EntityDraft; counter: Counter },
  part: { name: string; suffix: string; keys: Column[] },
): Entity {
  const inherited = counterKey(draft);
  const tableName = sqlName(entity.table.name, counter.name, part.suffix);
  const key = [
    ...inherited.map(({ name, target }): Column => {
      const { default: _, group: __, ...of } = entity.columns.find((one) => one.name === target)!;
      return { ...of, name, path: `../${of.path}` };
    }),
    column('incarnation', 'bigint', 'Stamp of the insert that began the row.'),
    ...part.keys,
  ];
  const amount = column('amount', `numeric(38,${counter.scale})`, 'The amount; it only grows.');
  return {
    name: part.name,
    path: `${entity.path}/${counter.path}`,
    description: `Shares of ${counter.path}. Written by functions only.`,
    table: { schema: entity.table.schema, name: tableName },
    tombstone: sqlName(entity.table.schema, tableName, 'tombstone'),
    columns: [...key, { ...amount, group: 'row' }],
    key: key.map((one) => one.name),
    uniques: [],
    references: [
      {
        name: sqlName(tableName, entity.name, 'fkey'),
        columns: inherited.map(({ name }) => name),
        target: { entity: entity.name, columns: inherited.map(({ target }) => target) },
        onDelete: 'cascade',
      },
    ],
    functionsOnly: true,
    checks: [{ name: sqlName(tableName, 'amount', 'check'), expression: '"amount" >= 0' }],
    groups: [
      {
        name: 'row',
        stamp: `${RESERVED_PREFIX}row`,
        columns: ['amount'],
        method: 'latest-timestamp',
      },
    ],
  };
}
