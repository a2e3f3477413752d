import type { ColumnGroup, Entity } from '../../src/model/ir.ts';
import { ident } from '../../src/model/names.ts';
import { isMonotonic } from '../../src/model/column-order.ts';
import { tableOf } from '../../src/sql/apply-names.ts';
import { bestOf, orderOf } from '../../src/sql/best-value.ts';
import type { Random } from '../simulation/random.ts';

/**
 * A service's statement on an entity with an integer key: of twenty two delete, four insert, one changes a key, one
 * updates three rows and twelve one.
 */
export function drawWrite(entity: Entity, random: Random, keys: number): string {
  const id = 1 + random.int(keys);
  const table = tableOf(entity);
  const [key] = entity.key.map(ident);
  const kind = random.int(20);
  if (kind === 19)
    return `UPDATE ${table} SET ${key} = ${1 + random.int(keys)} WHERE ${key} = ${id}`;
  if (kind < 2) return `DELETE FROM ${table} WHERE ${key} = ${id}`;
  if (kind < 6) {
    const columns = written(entity).filter(
      ({ group }) => group.method === 'additive' || random.chance(70),
    );
    const names = [key, ...columns.map(({ name }) => ident(name))];
    const values = [id, ...columns.map((column) => drawValue(entity, column, { random, keys }))];
    return `INSERT INTO ${table} (${names.join(', ')}) VALUES (${values.join(', ')}) ON CONFLICT DO NOTHING`;
  }
  const all = written(entity);
  const columns = new Set([random.pick(all), random.pick(all)]);
  const sets = [...columns].map(
    (column) => `${ident(column.name)} = ${drawNext(entity, column, { random, keys })}`,
  );
  const rows = kind === 18 ? `BETWEEN ${id} AND ${id + 2}` : `= ${id}`;
  return `UPDATE ${table} SET ${sets.join(', ')} WHERE ${key} ${rows}`;
}

interface Written {
  name: string;
  type: string;
  group: ColumnGroup;
}

/** The columns that a service writes, in types that values are drawn of. */
function written(entity: Entity): Written[] {
  return entity.groups.flatMap((group) =>
    group.columns.flatMap((name) => {
      const { type } = entity.columns.find((column) => column.name === name)!;
      return DRAWN[type] === undefined ? [] : [{ name, type, group }];
    }),
  );
}

const DRAWN: Readonly<Record<string, (random: Random) => string>> = {
  integer: (random) => String(random.int(40) - 20),
  bigint: (random) => String(random.int(40)),
  'numeric(19,2)': (random) => `${random.int(20)}.${10 + random.int(90)}`,
  text: (random) => `'t${random.int(random.chance(50) ? 3 : 10_000)}'`,
  bytea: (random) => `'\\x0${random.int(10)}'`,
  'timestamp with time zone': (random) => `'2026-11-24 10:00:${10 + random.int(50)}Z'`,
  'text[]': (random) => `'{${subset(random, ['a', 'b', 'c d', 'e'])}}'`,
  'integer[]': (random) => `'{${subset(random, ['1', '2', '3'])}}'`,
};

/** Stored out of line: an update of other columns says nothing of it. */
const longText = (random: Random): string =>
  `(SELECT string_agg(md5((${random.int(10_000)} + x)::text), '') FROM generate_series(1, 100) AS x)`;

function subset(random: Random, elements: readonly string[]): string {
  return elements
    .filter(() => random.chance(50))
    .map((element) => `"${element}"`)
    .join();
}

interface Source {
  random: Random;
  keys: number;
}

function drawValue(entity: Entity, column: Written, { random, keys }: Source): string {
  const { name, type, group } = column;
  if (group.tags === undefined && group.method !== 'additive' && random.chance(8)) return 'NULL';
  if (entity.references.some(({ columns }) => columns.includes(name)))
    return String(1 + random.int(keys));
  if (isMonotonic(group.method)) {
    const order = orderOf(entity, group, name);
    if (order.kind === 'listed') return `'${random.pick(order.values)}'`;
  }
  const isIndexed = entity.uniques.some(({ columns }) => columns.includes(name));
  if (type === 'text' && !isIndexed && random.chance(5)) return longText(random);
  return DRAWN[type]!(random);
}

/** What a service writes over a value: additions, and of a monotonic group nothing that is below it. */
function drawNext(entity: Entity, column: Written, source: Source): string {
  const { name, type, group } = column;
  if (group.method === 'additive') return `${ident(name)} + ${source.random.int(9) - 4}`;
  const value = drawValue(entity, column, source);
  if (!isMonotonic(group.method)) return value;
  return bestOf(orderOf(entity, group, name), ident(name), `${value}::${type}`);
}
