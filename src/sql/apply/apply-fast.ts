import { isMonotonic } from '../../model/groups/column-order.ts';
import { mergedColumns } from '../../model/ir/ir.ts';
import type { ColumnGroup, Entity } from '../../model/ir/ir.ts';
import { isLooseNumber } from '../../model/types/loose-types.ts';
import { ident, quoteLiteral } from '../../model/ir/names.ts';
import { bestOf, orderOf } from '../names/best-value.ts';
import {
  BIRTH,
  columnList,
  isDead,
  sameKey,
  shapeNames,
  tableOf,
  tombstoneOf,
} from '../names/apply-names.ts';
import {
  baseStampColumn,
  dataColumns,
  isAdditive,
  isSet,
  needsOldValues,
  oldValueColumn,
  STAGE,
} from '../names/shape.ts';
import type { Shape } from '../names/shape.ts';
import { imagesDiffer } from '../ddl/row-change.ts';
import { leftDeletes, leftInserts, leftUpdates } from './apply-left.ts';
import { ifChanged, ofKind } from './staged-source.ts';
import type { Source } from './staged-source.ts';
import { waitsAt } from '../ddl/waiting-ddl.ts';

/*
 * The set-based statements of apply. Each takes exactly those staged changes that meet what their origin
 * saw and leaves the others for merge. Row locks are the only locks; the primary key's index (of the
 * entity and of its tombstone table) is the only one relied on. Rejected: MERGE (PostgreSQL 15 has no
 * RETURNING for it, and it raises on a concurrent insert instead of leaving the row out).
 */

export interface FastStatements {
  /** Each statement's command tag counts the changes that it took. */
  update: string;
  insert: string;
  remove: string;
  /**
   * After `insert`, in a statement of its own: deletes again what it inserted although the key is dead. A local
   * transaction that inserted the key and deleted it holds `insert` up, which then does not see the tombstone.
   */
  takeBack: string;
  /** Ordinals of the staged changes of one kind that the statement above did not take. */
  leftUpdates: string;
  leftInserts: string;
  leftDeletes: string;
}

/** The statements for one shape over one source. */
export function fastStatements(shape: Shape, source: Source): FastStatements {
  return {
    update: updateStatement(shape, source),
    insert: insertStatement(shape, source),
    remove: deleteStatement(shape, source),
    takeBack: takeBackStatement(shape, source),
    leftUpdates: leftUpdates(shape, source),
    leftInserts: leftInserts(shape, source),
    leftDeletes: leftDeletes(shape, source),
  };
}

/** UPDATE of the rows whose changed groups still have the stamps that the origin saw. */
function updateStatement(shape: Shape, source: Source): string {
  const { entity } = shape;
  const conditions = [
    ofKind(source, 'U'),
    sameKey(entity, 'e', 's'),
    `e.${BIRTH} = s.${STAGE.baseBirth}`,
    ...guards(shape),
  ];
  return (
    `UPDATE ${tableOf(entity)} AS e SET ${assignments(shape).join(', ')} ` +
    `FROM ${source.from} WHERE ${conditions.join(' AND ')}`
  );
}

function guards(shape: Shape): string[] {
  return shape.entity.groups.flatMap((group, index) => {
    if (isAdditive(group)) return [];
    const same = [`e.${ident(group.stamp)} = s.${ident(baseStampColumn(group))}`];
    if (isSet(group)) same.push(sameValues(group));
    return same.map((condition) => ifChanged(shape, index, condition, 'OR'));
  });
}

/**
 * Of a set also the values must be those that the origin saw: two sites can have the same greatest stamp
 * with different writes behind it. Sets that others changed meanwhile are left to merge. By their bytes: equal elements
 * can differ, and not every type has an operator for "equal".
 */
function sameValues(group: ColumnGroup): string {
  const columns = mergedColumns(group);
  return `NOT ${imagesDiffer(columnList(columns, 'e'), columnList(columns.map(oldValueColumn), 's'))}`;
}

function assignments(shape: Shape): string[] {
  const columns = dataColumns(shape);
  const result: string[] = [];
  for (const [index, group] of shape.entity.groups.entries()) {
    const stamp = ident(group.stamp);
    const joins = isAdditive(group) || isMonotonic(group.method);
    const newStamp = joins ? `greatest(e.${stamp}, s.${stamp})` : `s.${stamp}`;
    result.push(assign(shape, index, { column: stamp, value: newStamp }));
    for (const column of columns.filter((one) => mergedColumns(group).includes(one.name))) {
      const name = ident(column.name);
      const value = fastValue(shape.entity, group, column.name);
      result.push(assign(shape, index, { column: name, value }));
    }
  }
  return result;
}

function assign(shape: Shape, group: number, set: { column: string; value: string }): string {
  if (shape.entity.groups.length === 1) return `${set.column} = ${set.value}`;
  const changed = `s.${STAGE.mask} & ${1 << group} <> 0`;
  return `${set.column} = CASE WHEN ${changed} THEN ${set.value} ELSE e.${set.column} END`;
}

/**
 * Of a monotonic group the best value, although its stamp is the one that the origin saw: two sites can
 * have the same greatest stamp with different writes behind it.
 */
function fastValue(entity: Entity, group: ColumnGroup, column: string): string {
  const name = ident(column);
  if (isMonotonic(group.method)) {
    const best = bestOfAll(entity, group, column);
    if (!needsOldValues(group)) return best;
    const same = `e.${name} IS NOT DISTINCT FROM s.${ident(oldValueColumn(column))}`;
    return `CASE WHEN ${same} THEN s.${name} ELSE ${best} END`;
  }
  if (isAdditive(group)) {
    // As merge counts them (src/merge/decimal.ts).
    const isNumeric = typeOf(entity, column).startsWith('numeric');
    const number = (value: string): string =>
      `coalesce(${isNumeric ? `nullif(${value}, 'NaN')` : value}, 0)`;
    const delta = `${number(`s.${name}`)} - ${number(`s.${ident(oldValueColumn(column))}`)}`;
    return `CASE WHEN s.${name} IS NULL THEN e.${name} ELSE ${number(`e.${name}`)} + ${delta} END`;
  }
  return `s.${name}`;
}

function typeOf(entity: Entity, column: string): string {
  return entity.columns.find((candidate) => candidate.name === column)!.type;
}

/** Of equal values that differ, 1.0 and 1.00, the same one as merge takes (src/merge/order.ts). */
function bestOfAll(entity: Entity, group: ColumnGroup, column: string): string {
  const [one, other] = [`e.${ident(column)}`, `s.${ident(column)}`];
  const order = orderOf(entity, group, column);
  const best = bestOf(order, one, other);
  if (order.kind === 'serial' || !isLooseNumber(typeOf(entity, column))) return best;
  const better = `${one}::text COLLATE "C" ${order.least ? '<' : '>'} ${other}::text`;
  return `CASE WHEN ${one} = ${other} THEN CASE WHEN ${better} THEN ${one} ELSE ${other} END ELSE ${best} END`;
}

function insertStatement(shape: Shape, source: Source): string {
  const { entity } = shape;
  const where = ofKind(source, 'I');
  // Else a row that another unique constraint forbids is not taken; here it fails the statement.
  const arbiter = shape.deferrable === true ? `(${columnList(entity.key)})` : '';
  return insertFree(entity, { names: shapeNames(shape), from: source.from, where, arbiter });
}

/**
 * INSERT of the rows whose key is free and not dead, and of which nothing waits: merge knows what waits.
 *
 * @param rows `from`: a FROM item with alias `s`; `where`: a condition on it; `arbiter`: conflict target, of all indexes
 *   if it is empty
 */
export function insertFree(
  entity: Entity,
  rows: { names: readonly string[]; from: string; where: string; arbiter: string },
): string {
  const { names, from, where, arbiter } = rows;
  return (
    `INSERT INTO ${tableOf(entity)} (${columnList(names)}) OVERRIDING SYSTEM VALUE ` +
    `SELECT ${columnList(names, 's')} FROM ${from} WHERE ${where} ` +
    `AND NOT ${isDead(entity, 's')} AND ${noneWaits(entity)} ON CONFLICT ${arbiter} DO NOTHING`
  );
}

/** DELETE of the staged rows that stand and are dead; of a key that is in the table nobody else can write a row. */
function takeBackStatement(shape: Shape, source: Source): string {
  const { entity } = shape;
  return (
    `DELETE FROM ${tableOf(entity)} AS e USING ${source.from} ` +
    // Mostly there are few tombstones, or none.
    `WHERE EXISTS (SELECT FROM ${tombstoneOf(entity)}) AND ${ofKind(source, 'I')} AND ${isDead(entity, 's')} ` +
    `AND ${sameKey(entity, 'e', 's')} AND e.${BIRTH} = s.${BIRTH}`
  );
}

/** Mostly nothing of the entity waits at all, which is looked up once a statement. */
function noneWaits(entity: Entity): string {
  const waiting = `FROM crp.waiting AS w WHERE w.entity = ${quoteLiteral(entity.name)}`;
  const ofKey = waitsAt(entity.key.map((name) => [name, `s.${ident(name)}`]));
  return `(NOT EXISTS (SELECT ${waiting}) OR NOT EXISTS (SELECT ${waiting} AND ${ofKey}))`;
}

/** DELETE of the rows that nobody changed since, with their tombstones. */
function deleteStatement(shape: Shape, source: Source): string {
  const { entity } = shape;
  const keys = columnList(entity.key);
  const unchanged = entity.groups.flatMap((group) => [
    `e.${ident(group.stamp)} = s.${ident(baseStampColumn(group))}`,
    ...sameJoined(shape, group),
  ]);
  return (
    `WITH d AS (DELETE FROM ${tableOf(entity)} AS e USING ${source.from} ` +
    `WHERE ${ofKind(source, 'D')} AND ${sameKey(entity, 'e', 's')} ` +
    `AND e.${BIRTH} = s.${STAGE.baseBirth} AND ${unchanged.join(' AND ')} ` +
    `RETURNING ${columnList(entity.key, 's')}, s.${STAGE.deletedBirth}, s.${STAGE.deletedStamp}) ` +
    `INSERT INTO ${tombstoneOf(entity)} AS t (${keys}, birth, stamp) SELECT * FROM d ` +
    `ON CONFLICT (${keys}) DO UPDATE SET birth = greatest(t.birth, excluded.birth), ` +
    `stamp = greatest(t.stamp, excluded.stamp)`
  );
}

/**
 * Of a group that joins writes also its values must be those that the origin saw, as in merge (src/merge/merge.ts). A
 * staged delete has the row that it found. By their texts: what is staged can have the type that the column has at the
 * origin.
 */
function sameJoined(shape: Shape, group: ColumnGroup): string[] {
  if (isSet(group)) return [sameValues(group)];
  if (!isAdditive(group) && !isMonotonic(group.method)) return [];
  return dataColumns(shape)
    .filter(({ name }) => group.columns.includes(name))
    .map(({ name }) => {
      const [here, seen] = [`e.${ident(name)}::text`, `s.${ident(name)}::text`];
      return `${here} COLLATE "C" IS NOT DISTINCT FROM ${seen}`;
    });
}
