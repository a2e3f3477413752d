import type { ColumnGroup, Entity } from '../../src/model/ir/ir.ts';
import { ident } from '../../src/model/ir/names.ts';
import { isMonotonic } from '../../src/model/groups/column-order.ts';
import { columnList, tableOf } from '../../src/sql/names/apply-names.ts';
import { bestOf, orderOf } from '../../src/sql/names/best-value.ts';
import { functionName } from '../../src/sql/ddl/counter-sql.ts';
import type { Random } from '../simulation/random.ts';

/** The entities whose rows a service writes, for `drawWrite`: those of counters and of ranges are not. */
export function drawnEntities(entities: readonly Entity[]): Entity[] {
  const ranges = entities.flatMap(({ claim }) => (claim === undefined ? [] : [claim.ranges.name]));
  return entities.filter(
    ({ functionsOnly, table }) => functionsOnly !== true && !ranges.includes(table.name),
  );
}

/**
 * A service's statement on an entity with integer keys: of twenty two delete, four insert, of which one updates where
 * the row is there, one changes a key, one updates three rows and twelve one. Where the entity has a number with a
 * bound, every second one calls a function that changes it.
 */
export function drawWrite(entity: Entity, random: Random, keys: number): string {
  const source = { random, keys };
  if (entity.counters !== undefined && random.chance(50)) return drawCall(entity, source);
  const kind = random.int(20);
  if (kind >= 2 && kind < 6) return drawInsert(entity, source, kind === 5);
  const names = entity.key.map(ident);
  const ids = drawKey(entity, source);
  const is = names.map((name, place) => `e.${name} = ${ids[place]}`);
  const table = `${tableOf(entity)} AS e`;
  if (kind < 2) return `DELETE FROM ${table} WHERE ${is.join(' AND ')}`;
  if (kind === 18)
    is[is.length - 1] = `e.${names.at(-1)} BETWEEN ${ids.at(-1)} AND ${ids.at(-1)! + 2}`;
  const sets =
    kind === 19 ? `${names.at(-1)} = ${drawKey(entity, source).at(-1)}` : drawSets(entity, source);
  return `UPDATE ${table} SET ${sets} WHERE ${is.join(' AND ')}`;
}

/** One of some numbers in each column; in all but the first one there are three. */
function drawKey(entity: Entity, { random, keys }: Source): number[] {
  return entity.key.map((_, place) => 1 + random.int(place === 0 ? keys : 3));
}

function drawInsert(entity: Entity, source: Source, updates: boolean): string {
  const columns = written(entity).filter(
    ({ group }) => group.method === 'additive' || source.random.chance(70),
  );
  const names = [...entity.key, ...columns.map(({ name }) => name)];
  const values = [
    ...drawKey(entity, source),
    ...columns.map((column) => drawValue(entity, column, source)),
  ];
  const action = updates
    ? `(${columnList(entity.key)}) DO UPDATE SET ${drawSets(entity, source)}`
    : 'DO NOTHING';
  return (
    `INSERT INTO ${tableOf(entity)} AS e (${columnList(names)}) VALUES (${values.join(', ')}) ` +
    `ON CONFLICT ${action}`
  );
}

/** New values of one or two columns, and sometimes of one that belongs to the site: its number. */
function drawSets(entity: Entity, source: Source): string {
  const all = written(entity);
  const columns = new Set([source.random.pick(all), source.random.pick(all)]);
  const sets = [...columns].map(
    (column) => `${ident(column.name)} = ${drawNext(entity, column, source)}`,
  );
  const local = entity.columns.find((column) => column.local === true);
  if (local === undefined || source.random.chance(50)) return sets.join(', ');
  const set = `${ident(local.name)} = (SELECT number FROM crp.site)`;
  return source.random.chance(20) ? set : [...sets, set].join(', ');
}

function drawCall(entity: Entity, source: Source): string {
  const { random } = source;
  const verb = random.pick(['add', 'add', 'take', 'take', 'give']);
  const name = functionName(entity, random.pick(entity.counters!), verb);
  const peer = verb === 'give' ? [`'site${1 + random.int(3)}'`] : [];
  const amount = 1 + random.int(9);
  return `SELECT ${name}(${[...drawKey(entity, source), ...peer, amount].join(', ')})`;
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
  const { ownership, expires } = entity;
  if (ownership?.kind === 'row' && ownership.column === name) return `'site${1 + random.int(3)}'`;
  if (expires?.column === name)
    return `'${random.pick(['2020', '2100'])}-01-01 00:00:${10 + random.int(50)}Z'`;
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
  if (group.method === 'additive') return `e.${ident(name)} + ${source.random.int(9) - 4}`;
  const value = drawValue(entity, column, source);
  if (!isMonotonic(group.method)) return value;
  return bestOf(orderOf(entity, group, name), `e.${ident(name)}`, `${value}::${type}`);
}
