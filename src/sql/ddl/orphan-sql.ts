import type { Entity, Reference } from '../../model/ir/ir.ts';
import { ident } from '../../model/ir/names.ts';
import { tableOf } from '../names/apply-names.ts';
import { QUEUE_HAS_ROOM } from '../names/notify-queue.ts';
import { literal } from './catalog-ddl.ts';
import { isKey, textObject, waitsAt } from './waiting-ddl.ts';

/** A reference with a rule for orphans. */
export interface Bond {
  child: Entity;
  parent: Entity;
  reference: Reference;
}

/**
 * Rows among some keys of the child whose target is neither in its table nor waiting to get there.
 * Parameters: one array a key column of the child. Columns of the result, as text: the child's key, then the
 * target's, both in key order. Relies on the primary keys.
 */
export function childrenWithoutParent(bond: Bond): string {
  const { child } = bond;
  const same = child.key.map((name, at) => `c.${ident(name)} = k.k${at}`);
  return search(bond, { keys: keysFrom(child, child.key), on: same });
}

/**
 * Locks the targets of rows among some keys of the child, as a foreign key's trigger does, before
 * `childrenWithoutParent` looks: of two transactions that insert the row and delete its target without seeing each
 * other, one then waits, and sees what the other did. Parameters as there.
 */
export function lockParents(bond: Bond): string {
  const { child, parent } = bond;
  const same = child.key.map((name, at) => `c.${ident(name)} = k.k${at}`);
  const found = parent.key.map((name) => `p.${ident(name)} = c.${ident(referring(bond, name))}`);
  const order = parent.key.map((name) => `p.${ident(name)}`).join(', ');
  return (
    `SELECT count(*) FROM (SELECT FROM ${keysFrom(child, child.key)} ` +
    `JOIN ${tableOf(child)} AS c ON ${same.join(' AND ')} ` +
    `JOIN ${tableOf(parent)} AS p ON ${found.join(' AND ')} ORDER BY ${order} FOR KEY SHARE OF p) AS locked`
  );
}

/**
 * The same among the rows that refer to some keys of the parent, locked as a foreign key's trigger locks them: of a row
 * that a service gives another key at the same time either the new key is found, or the trigger of that
 * update finds the note (`moveNotes`). Parameters: one array a key column of the parent. Relies on the index of
 * the reference.
 */
export function childrenOf(bond: Bond): string {
  const { parent } = bond;
  const same = parent.key.map((name, at) => `c.${ident(referring(bond, name))} = k.k${at}`);
  return `${search(bond, { keys: keysFrom(parent, parent.key), on: same })} FOR KEY SHARE OF c`;
}

function keysFrom(entity: Entity, names: readonly string[]): string {
  const arrays = names.map((name, at) => {
    const { type } = entity.columns.find((column) => column.name === name)!;
    return `$${at + 1}::${type}[]`;
  });
  return `unnest(${arrays.join(', ')}) AS k(${names.map((_, at) => `k${at}`).join(', ')})`;
}

/** The child's column that holds a key column of the parent. */
function referring({ reference }: Bond, parentColumn: string): string {
  return reference.columns[reference.target.columns.indexOf(parentColumn)]!;
}

function search(bond: Bond, { keys, on }: { keys: string; on: string[] }): string {
  const { child, parent } = bond;
  const own = child.key.map((name) => `c.${ident(name)}::text`);
  const target = parent.key.map((name) => `c.${ident(referring(bond, name))}::text`);
  return (
    `SELECT ${[...own, ...target].join(', ')} FROM ${keys} JOIN ${tableOf(child)} AS c ON ${on.join(' AND ')} ` +
    `WHERE ${withoutParent(bond, 'c')}`
  );
}

/** Condition on a row of the child. */
export function withoutParent(bond: Bond, alias: string): string {
  const { parent, reference } = bond;
  const column = (name: string): string => `${alias}.${ident(referring(bond, name))}`;
  const set = reference.columns.map((name) => `${alias}.${ident(name)} IS NOT NULL`);
  const found = parent.key.map((name) => `p.${ident(name)} = ${column(name)}`);
  const waits = waitsAt(parent.key.map((name) => [name, column(name)]));
  return (
    `${set.join(' AND ')} AND NOT EXISTS (SELECT FROM ${tableOf(parent)} AS p WHERE ${found.join(' AND ')}) ` +
    `AND NOT EXISTS (SELECT FROM crp.waiting AS w WHERE w.entity = ${literal(parent.name)} ` +
    `AND ${waits})`
  );
}

/** Notes all rows without a target for the settler. Reads both tables. */
export function noteAllOrphans(bond: Bond): string {
  const { child, reference } = bond;
  const key = textObject(child.key.map((name) => [name, `c.${ident(name)}`]));
  return (
    `INSERT INTO crp.orphan (entity, reference, key) SELECT ${literal(child.name)}, ${literal(reference.name)}, ${key} ` +
    `FROM ${tableOf(child)} AS c WHERE ${withoutParent(bond, 'c')} ON CONFLICT DO NOTHING`
  );
}

/**
 * Of a trigger for an update that changes the key: what is noted of the row is of its new key. PostgreSQL does not check a
 * reference again that the update leaves as it was. Nothing for an entity without a rule for orphans.
 */
export function moveNotes({ name, key, references }: Entity): string {
  if (!references.some(({ onOrphan }) => onOrphan !== undefined)) return '';
  const of = (row: 'OLD' | 'NEW'): string =>
    textObject(key.map((column) => [column, `${row}.${ident(column)}`]));
  return (
    `    INSERT INTO crp.orphan (entity, reference, key, parent_row, deleted)\n` +
    `      SELECT o.entity, o.reference, ${of('NEW')}, o.parent_row, o.deleted FROM crp.orphan AS o\n` +
    `      WHERE o.entity = ${literal(name)} AND ${isKey('o.key', of('OLD'))} ON CONFLICT DO NOTHING;\n` +
    `    IF FOUND AND ${QUEUE_HAS_ROOM} THEN PERFORM pg_notify('crp_waiting', ''); END IF;\n`
  );
}
