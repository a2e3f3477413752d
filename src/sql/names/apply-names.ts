import type { Entity } from '../../model/ir/ir.ts';
import { BIRTH_COLUMN } from '../../model/ir/ir.ts';
import { ident } from '../../model/ir/names.ts';
import type { Shape } from './shape.ts';

/** The entity's table with its schema. */
export function tableOf(entity: Entity): string {
  return `${ident(entity.table.schema)}.${ident(entity.table.name)}`;
}

/** The entity's tombstone table. */
export function tombstoneOf(entity: Entity): string {
  return `crp.${ident(entity.tombstone)}`;
}

/** `left.k = right.k AND …` over the key. Both sides are NOT NULL, so the primary key's index serves. */
export function sameKey(entity: Entity, left: string, right: string): string {
  return entity.key.map((key) => `${left}.${ident(key)} = ${right}.${ident(key)}`).join(' AND ');
}

export const BIRTH = ident(BIRTH_COLUMN);

/** Condition on a row `alias`: that its key was deleted with this incarnation or a later one. */
export function isDead(entity: Entity, alias: string): string {
  return (
    `EXISTS (SELECT FROM ${tombstoneOf(entity)} AS t ` +
    `WHERE ${sameKey(entity, 't', alias)} AND t.birth >= ${alias}.${BIRTH})`
  );
}

/** `"a", "b"` with an optional alias in front of each. */
export function columnList(names: readonly string[], alias?: string): string {
  const prefix = alias === undefined ? '' : `${alias}.`;
  return names.map((name) => prefix + ident(name)).join(', ');
}

/** Names of the shape's columns, in order. */
export function shapeNames(shape: Shape): string[] {
  return shape.columns.map((column) => column.name);
}
