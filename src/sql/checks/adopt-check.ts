/** Whether a table can be adopted as an entity says, from what the catalogue says of it. Pure. */
import type { Column, Entity } from '../../model/ir/ir.ts';
import { findNotes, isOurs, leftOut } from './adopt-notes.ts';
import { roomProblems } from './adopt-room.ts';
import { isTightened } from '../../model/types/loose-types.ts';
import { keyProblems } from './key-check.ts';
import { sequencesOf, strideOf } from '../ddl/sequence-ddl.ts';
import type { ColumnFacts, TableFacts } from '../tables/table-facts.ts';

/** The name of the trigger that stamps; triggers fire in the order of their names. */
const STAMP_TRIGGER = 'zz_crp_stamp';

export interface AdoptionVerdict {
  /** What must be mended first, each with what to do. */
  problems: string[];
  /** What the operator should know. */
  notes: string[];
}

export interface AdoptionContext {
  site: number;
  /** Oids of the types that the model names (`typeOids`). */
  types: ReadonlyMap<string, number | null>;
}

/** Checks one adopted entity; `facts` is undefined when there is no such table. */
export function checkAdoption(
  entity: Entity,
  facts: TableFacts | undefined,
  context: AdoptionContext,
): AdoptionVerdict {
  const table = `"${entity.table.schema}.${entity.table.name}"`;
  const problems = (facts === undefined ? [MISSING] : findProblems(entity, facts, context)).map(
    (problem) => `table ${table} ${problem}`,
  );
  const notes = facts === undefined ? [] : findNotes(entity, facts);
  return { problems, notes: notes.map((note) => `table ${table}: ${note}`) };
}

const MISSING = 'does not exist here: the program that it belongs to makes it, at every site';

function findProblems(entity: Entity, facts: TableFacts, context: AdoptionContext): string[] {
  // Nothing is done to a table that belongs to the site.
  if (entity.local === true) return [];
  // The rest of what could be said of another kind of relation would only mislead.
  const kind = kindProblem(facts);
  if (kind !== undefined) return [kind];
  return [
    ...keyProblems(entity, facts),
    ...roomProblems(entity, facts),
    ...entity.columns.flatMap((column) => columnProblems(column, facts, context)),
    ...leftOut(entity, facts)
      .filter((column) => column.notNull && !column.hasDefault && column.generated === '')
      .map(
        (column) =>
          `has column "${column.name}", NOT NULL and without a default, which the model does not have: ` +
          'add it to the model, or give it a default',
      ),
    ...triggerProblems(entity, facts),
    ...sequenceProblems(facts, context.site),
    ...facts.columns
      .filter((column) => column.generated === 'v')
      .map(
        (column) =>
          `has the virtual generated column "${column.name}", and PostgreSQL refuses UPDATE and DELETE of a ` +
          'replicated table with one: make it STORED, or drop it',
      ),
  ];
}

function kindProblem(facts: TableFacts): string | undefined {
  if (facts.kind === 'p') {
    return 'is partitioned, which is not supported: adopt a table without partitions';
  }
  if (facts.kind !== 'r') return 'is no ordinary table: adopt the table behind it';
  if (facts.partition) return 'is a partition of another table, which is not supported';
  if (facts.inherits)
    return 'takes part in inheritance, which is not supported: ALTER TABLE … NO INHERIT';
  if (facts.typed)
    return 'is a table OF a type, which gets no columns of its own: ALTER TABLE … NOT OF';
  if (facts.persistence !== 'p') {
    return 'is not logged, so there is no WAL to replicate: ALTER TABLE … SET LOGGED';
  }
  if (facts.rowSecurity) {
    return 'has row level security, which would hide rows from the agent: ALTER TABLE … DISABLE ROW LEVEL SECURITY';
  }
  const rule = facts.rules[0];
  if (rule === undefined) return undefined;
  return `has the rule "${rule}", and rules rewrite what the agent applies: replace it by a trigger (DROP RULE)`;
}

/** Object identifier types but `oid` itself (PostgreSQL manual, 8.19), and arrays of them. */
const OBJECT_NUMBERS =
  /^reg(class|collation|config|dictionary|namespace|oper|operator|proc|procedure|role|type)(\[\])?$/;

function columnProblems(column: Column, facts: TableFacts, { types }: AdoptionContext): string[] {
  const found = facts.columns.find((candidate) => candidate.name === column.name);
  if (found === undefined) {
    // What is derived is added with the hidden columns.
    if (column.derived !== undefined) return [];
    return [`has no column "${column.name}": add it, or take it out of the model`];
  }
  if (found.generated !== '' && column.derived === undefined) {
    return [
      `computes column "${column.name}" itself (GENERATED ALWAYS AS): take it out of the model; ` +
        'every site computes it',
    ];
  }
  // A model from before loose keys were refused says still what the key was.
  const mended = column.group === undefined && isTightened(column.type, found.type);
  if (!mended && !sameType(column, found, types)) {
    return [
      `has column "${column.name}" as ${found.type}, and the model as ${column.type}: correct the model ` +
        `(crp:sql-type "${found.type}")`,
    ];
  }
  if (!found.binary)
    return [`has column "${column.name}" of type ${found.type}, which has no binary form`];
  if (OBJECT_NUMBERS.test(found.type)) {
    return [
      `has column "${column.name}" of type ${found.type}, whose values are numbers of objects in this database and ` +
        'mean others elsewhere: make it text, or take it out of the model, and it stays with the site',
    ];
  }
  if (found.identity === 'a' && column.group !== undefined) {
    return [
      `has column "${column.name}" as GENERATED ALWAYS AS IDENTITY outside its key, which no replica can ` +
        `update: ALTER TABLE … ALTER COLUMN ${column.name} SET GENERATED BY DEFAULT`,
    ];
  }
  return [];
}

/** Lengths and precisions are the table's; a model that says another one than the table is corrected. */
function sameType(
  column: Column,
  found: ColumnFacts,
  types: ReadonlyMap<string, number | null>,
): boolean {
  if (column.type === found.type) return true;
  const length = (type: string): string => /\(.*\)/.exec(type)?.[0] ?? '';
  return types.get(column.type) === found.oid && length(column.type) === length(found.type);
}

function triggerProblems(entity: Entity, facts: TableFacts): string[] {
  const always = entity.fireAlways ?? [];
  const triggers = facts.triggers.filter(({ name }) => !isOurs(name));
  return [
    ...always
      .filter((name) => !triggers.some((trigger) => trigger.name === name))
      .map(
        (name) => `has no trigger "${name}", which the model says fires always: correct the model`,
      ),
    ...triggers
      .filter(({ name, enabled }) => 'AR'.includes(enabled) && !always.includes(name))
      .map(
        ({ name }) =>
          `has trigger "${name}" enabled for replicated rows, which the model does not say: add ` +
          `crp:fire-always "${name}" to it, or ALTER TABLE … ENABLE TRIGGER ${name}`,
      ),
    ...triggers
      .filter(({ name, before, enabled }) => before && enabled !== 'D' && name > STAMP_TRIGGER)
      .map(
        ({ name }) =>
          `has trigger "${name}", which could change a row after it got its stamps: rename it so that it ` +
          `sorts before "${STAMP_TRIGGER}" (ALTER TRIGGER … RENAME TO …)`,
      ),
  ];
}

function sequenceProblems(facts: TableFacts, site: number): string[] {
  return sequencesOf(facts).flatMap(({ column, sequence }) => {
    const name = `sequence "${sequence.schema}.${sequence.name}"`;
    if (sequence.cycles)
      return [`takes "${column.name}" from ${name}, which cycles: ALTER SEQUENCE … NO CYCLE`];
    if (sequence.increment < 0) {
      return [
        `takes "${column.name}" from ${name}, which counts down: it cannot be shared by sites`,
      ];
    }
    const stride = strideOf(column.type);
    if (stride === undefined || site <= stride) return [];
    return [
      `takes "${column.name}" (${column.type}) from ${name}: at most ${stride} sites can share it, and ` +
        `this one has the number ${site}; make the column bigint`,
    ];
  });
}
