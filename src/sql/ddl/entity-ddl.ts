import { hiddenColumns } from '../../model/ir/ir.ts';
import type { Column, Entity, HiddenColumn, Model, Reference } from '../../model/ir/ir.ts';
import { allEntities } from '../../model/ir/replicated.ts';
import { ident } from '../../model/ir/names.ts';
import { columnList, tableOf, tombstoneOf } from '../names/apply-names.ts';
import { counterDdl } from './counter-ddl.ts';
import { checkAlwaysDdl } from './deferrable-sql.ts';
import { derivedDdl } from './derived-ddl.ts';
import { expiryDdl } from './expiry-sql.ts';
import { guardDdl } from './guard-ddl.ts';
import { helperDdl } from './helper-ddl.ts';
import { historyDdl, historyTrigger } from './history-ddl.ts';
import { notifyDdl } from './notify-ddl.ts';
import { stampFunction, tombstoneFunction, truncateFunction } from './trigger-ddl.ts';

/** Statements that make a model's tables, triggers and publication, in order. */
export function modelDdl(model: Model, site: number): string[] {
  const all = allEntities(model);
  const made = all.filter((entity) => entity.adopted !== true);
  const schemas = new Set(made.map((entity) => entity.table.schema));
  return [
    ...[...schemas].map((schema) => `CREATE SCHEMA IF NOT EXISTS ${ident(schema)}`),
    ...helperDdl(model.entities),
    ...all.flatMap((entity) =>
      entity.adopted === true
        ? adoptionDdl(entity)
        : [tableDdl(model, entity), ...indexDdl(entity)],
    ),
    ...all.flatMap(derivedDdl),
    ...made.flatMap((entity) => laterReferencesDdl(model, entity)),
    ...model.entities.flatMap((entity) => replicationDdl(entity, site)),
    ...model.entities.flatMap((entity) => counterDdl(model, { entity, site })),
  ];
}

/** The table that is referred to comes later in the model. */
function isLater(
  model: Model,
  { entity, reference }: { entity: Entity; reference: Reference },
): boolean {
  const place = (name: string): number => allEntities(model).findIndex((one) => one.name === name);
  return place(reference.target.entity) > place(entity.name);
}

/** Foreign keys to tables that were not there when the entity's own was made. */
export function laterReferencesDdl(model: Model, entity: Entity): string[] {
  return entity.references
    .filter((reference) => isLater(model, { entity, reference }))
    .map(
      (reference) =>
        `DO $$ BEGIN ALTER TABLE ${tableOf(entity)} ADD ${referenceDdl(model, { entity, reference })}; ` +
        'EXCEPTION WHEN duplicate_object THEN NULL; END $$',
    );
}

/** The hidden columns of a table that belongs to a program; rows that are there get stamp 0. */
export function adoptionDdl(entity: Entity): string[] {
  const columns = hiddenColumns(entity).map((one) => `ADD COLUMN IF NOT EXISTS ${hiddenDdl(one)}`);
  return columns.length === 0 ? [] : [`ALTER TABLE ${tableOf(entity)}\n  ${columns.join(',\n  ')}`];
}

/** A hidden column as CREATE TABLE and ADD COLUMN take it. */
export function hiddenDdl({ name, type }: HiddenColumn): string {
  return `${ident(name)} ${type}${type === 'bigint' ? ' NOT NULL DEFAULT 0' : ''}`;
}

/**
 * Indexes for the referencing side of foreign keys: without one, every delete of a referenced row reads
 * the whole table. The primary key serves the references that its first columns are.
 */
export function indexDdl(entity: Entity): string[] {
  const covered = (reference: Reference): boolean =>
    reference.columns.every(
      (column) =>
        entity.key.indexOf(column) < reference.columns.length && entity.key.includes(column),
    );
  return entity.references
    .filter((reference) => !covered(reference))
    .map(
      (reference) =>
        `CREATE INDEX IF NOT EXISTS ${ident(indexName(reference))} ON ${tableOf(entity)} ` +
        `(${columnList(reference.columns)})`,
    );
}

/** The index has the constraint's name with another ending, which has the same length. */
function indexName(reference: Reference): string {
  return reference.name.replace(/fkey$/, 'fidx');
}

/** CREATE TABLE of an entity with its hidden columns at the end. */
export function tableDdl(model: Model, entity: Entity): string {
  const parts = [
    ...entity.columns.filter((column) => column.derived === undefined).map(columnDdl),
    ...hiddenColumns(entity).map(hiddenDdl),
    `PRIMARY KEY (${columnList(entity.key)})`,
    ...entity.uniques.map(
      (unique) => `CONSTRAINT ${ident(unique.name)} UNIQUE (${columnList(unique.columns)})`,
    ),
    ...entity.checks.map((check) => `CONSTRAINT ${ident(check.name)} CHECK (${check.expression})`),
    ...entity.references
      .filter((reference) => !isLater(model, { entity, reference }))
      .map((reference) => referenceDdl(model, { entity, reference })),
  ];
  return `CREATE TABLE IF NOT EXISTS ${tableOf(entity)} (\n  ${parts.join(',\n  ')}\n)`;
}

/** The constraint of a foreign key. */
export function referenceDdl(
  model: Model,
  { entity, reference }: { entity: Entity; reference: Reference },
): string {
  const target = allEntities(model).find((other) => other.name === reference.target.entity)!;
  return (
    `CONSTRAINT ${ident(reference.name)} FOREIGN KEY (${columnList(reference.columns)}) ` +
    `REFERENCES ${tableOf(target)} (${columnList(reference.target.columns)}) ` +
    `ON DELETE ${deleteAction(entity, reference)}`
  );
}

/** Key columns are inherited ones here and stay; only the others are cleared (PostgreSQL 15). */
function deleteAction(entity: Entity, reference: Reference): string {
  if (reference.onDelete !== 'set null') return reference.onDelete.toUpperCase();
  const cleared = reference.columns.filter((column) => !entity.key.includes(column));
  return `SET NULL (${columnList(cleared)})`;
}

/** A column as CREATE TABLE and ADD COLUMN take it. */
export function columnDdl(column: Column): string {
  const notNull = column.notNull ? ' NOT NULL' : '';
  const fallback = column.default === undefined ? '' : ` DEFAULT ${column.default}`;
  return `${ident(column.name)} ${column.type}${notNull}${fallback}`;
}

/** Tombstone table, triggers, replica identity and publication of an entity whose table exists; a site's own needs none. */
export function replicationDdl(entity: Entity, site: number): string[] {
  return [...replicationObjects(entity, site), ...replicationTriggers(entity, site)];
}

/** What replication needs beside the table: it can be made while the table is in use. */
export function replicationObjects(entity: Entity, site: number): string[] {
  if (entity.local === true) return [];
  const keys = entity.key.map((key) => {
    const column = entity.columns.find((candidate) => candidate.name === key)!;
    return `${ident(key)} ${column.type} NOT NULL`;
  });
  return [
    `CREATE TABLE IF NOT EXISTS ${tombstoneOf(entity)} (${keys.join(', ')}, birth bigint NOT NULL, ` +
      `stamp bigint NOT NULL, PRIMARY KEY (${columnList(entity.key)}))`,
    // The functions of the other triggers read it.
    ...historyDdl(entity),
    stampFunction(entity, site),
    tombstoneFunction(entity, site),
    truncateFunction(entity),
  ];
}

/** What replication changes at the table itself: needs its ACCESS EXCLUSIVE lock, but no time. */
export function replicationTriggers(entity: Entity, site: number): string[] {
  if (entity.local === true) return [];
  const table = tableOf(entity);
  const trigger = (name: string, when: string, fn: string): string =>
    `CREATE OR REPLACE TRIGGER ${name} ${when} ON ${table} ${fn}`;
  return [
    trigger('zz_crp_stamp', 'BEFORE INSERT OR UPDATE', execute('stamp', entity, 'ROW')),
    trigger('zz_crp_tombstone', 'BEFORE DELETE', execute('tombstone', entity, 'ROW')),
    trigger('zz_crp_truncate', 'BEFORE TRUNCATE', execute('truncate', entity, 'STATEMENT')),
    ...historyTrigger(entity),
    ...guardDdl(entity, site),
    ...expiryDdl(entity),
    ...notifyDdl(entity),
    `ALTER TABLE ${table} REPLICA IDENTITY FULL`,
    ...checkAlwaysDdl(entity),
    ...(entity.fireAlways ?? []).map(
      (name) => `ALTER TABLE ${table} ENABLE ALWAYS TRIGGER ${ident(name)}`,
    ),
    addToPublication(entity.table),
    addToPublication({ schema: 'crp', name: entity.tombstone }),
  ];
}

function execute(kind: string, entity: Entity, each: 'ROW' | 'STATEMENT'): string {
  return `FOR EACH ${each} EXECUTE FUNCTION crp.${ident(`${kind}_${entity.tombstone}`)}()`;
}

function addToPublication(table: { schema: string; name: string }): string {
  const name = `${ident(table.schema)}.${ident(table.name)}`;
  return `DO $$ BEGIN ALTER PUBLICATION crp ADD TABLE ${name}; EXCEPTION WHEN duplicate_object THEN NULL; END $$`;
}
