/**
 * SQL that takes a site's tables from one revision of a model to the next. Only what RFC 7950 §11 allows is
 * done; nothing is dropped: a column that left the model keeps its values until somebody drops it.
 */
import { canonicalJson } from '../../model/ir/hash.ts';
import { hiddenColumns } from '../../model/ir/ir.ts';
import type { Check, Column, Entity, Model } from '../../model/ir/ir.ts';
import { allEntities, isReplicated } from '../../model/ir/replicated.ts';
import { ident, quoteLiteral } from '../../model/ir/names.ts';
import { columnList, tableOf } from '../names/apply-names.ts';
import { textObject } from './waiting-ddl.ts';
import { counterDdl } from './counter-ddl.ts';
import { dropNotifyDdl } from './notify-ddl.ts';
import { derivedDdl } from './derived-ddl.ts';
import {
  adoptionDdl,
  columnDdl,
  hiddenDdl,
  indexDdl,
  laterReferencesDdl,
  referenceDdl,
  replicationDdl,
  tableDdl,
} from './entity-ddl.ts';
import { helperDdl } from './helper-ddl.ts';
import { historyChanges } from './history-ddl.ts';

/** Statements in order, to be run in one transaction at each site. */
export function upgradeDdl(before: Model, after: Model, site: number): string[] {
  const oldOf = (entity: Entity) => allEntities(before).find(named(entity.name));
  const fresh = allEntities(after).filter((entity) => oldOf(entity) === undefined);
  const made = fresh.filter((entity) => entity.adopted !== true);
  return [
    ...helperDdl(after.entities),
    ...fresh.filter((entity) => entity.adopted === true).flatMap(adoptionDdl),
    // New tables first: columns that are added may refer to them.
    ...made.flatMap((entity) => [tableDdl(after, entity), ...indexDdl(entity)]),
    ...made.flatMap((entity) => laterReferencesDdl(after, entity)),
    ...fresh.flatMap(derivedDdl),
    ...fresh.flatMap((entity) => replicationDdl(entity, site)),
    ...allEntities(after).flatMap((entity) => {
      const old = oldOf(entity);
      const changes = old === undefined ? [] : tableChanges(after, { old, entity });
      // The trigger functions name all columns and groups, so they are made anew.
      return changes.length === 0 ? [] : [...changes, ...replicationDdl(entity, site)];
    }),
    ...after.entities.flatMap((entity) => {
      const old = oldOf(entity)?.counters ?? [];
      const counters = entity.counters?.filter((counter) => !old.some(named(counter.name))) ?? [];
      return counterDdl(after, { entity: { ...entity, counters }, site });
    }),
  ];
}

function tableChanges(model: Model, { old, entity }: { old: Entity; entity: Entity }): string[] {
  const alter = (action: string): string => `ALTER TABLE ${tableOf(entity)} ${action}`;
  const added = entity.columns.filter((column) => !old.columns.some(named(column.name)));
  const known = hiddenColumns(old);
  const hidden = hiddenColumns(entity).filter((column) => !known.some(named(column.name)));
  const columns =
    entity.adopted === true
      ? []
      : added.filter((column) => column.derived === undefined).map(columnDdl);
  const rest =
    entity.adopted === true
      ? []
      : [
          ...checkChanges(old, entity).map(alter),
          ...entity.columns.flatMap((column) => columnChanges({ old, entity }, column)),
          ...uniqueChanges(old, entity).map(alter),
          ...referenceChanges(model, { old, entity }).map(alter),
        ];
  return [
    ...guardChanges(old, entity),
    ...[...columns, ...hidden.map(hiddenDdl)].map((column) =>
      alter(`ADD COLUMN IF NOT EXISTS ${column}`),
    ),
    ...(added.some((column) => column.derived !== undefined) ? derivedDdl(entity) : []),
    ...waitingChanges(entity, [...added.filter(isReplicated), ...hidden]),
    ...rest,
    ...(rest.length === 0 ? [] : indexDdl(entity)),
    ...historyChanges(old, entity),
  ];
}

/** A row that waits outside its table (`crp.waiting`) gets what the rows of the table get: the defaults. */
function waitingChanges(
  entity: Entity,
  added: readonly { name: string; type: string; default?: string }[],
): string[] {
  if (added.length === 0) return [];
  const stamps = new Set(entity.groups.map(({ stamp }) => stamp));
  const values = added.map(({ name, type, default: given }): [string, string] => {
    const fallback = given ?? (stamps.has(name) ? '0' : 'NULL');
    return [name, `(${fallback})::${type}`];
  });
  const fresh = textObject(values);
  return [
    `UPDATE crp.waiting SET row = ${fresh} || row, base = ${fresh} || base WHERE entity = ${quoteLiteral(entity.name)}`,
  ];
}

/** Guards are dropped where their rule changed; what is still wanted is made anew with the other triggers. */
function guardChanges(old: Entity, entity: Entity): string[] {
  const rules = ({ ownership, appendOnly, claim, expires, afterApply }: Entity): string =>
    canonicalJson([ownership, appendOnly, claim, expires, afterApply]);
  if (rules(old) === rules(entity)) return [];
  return [
    ...['zy_crp_owner', 'zy_crp_append_only', 'zy_crp_claim'].map(
      (trigger) => `DROP TRIGGER IF EXISTS ${trigger} ON ${tableOf(entity)}`,
    ),
    ...dropNotifyDdl(entity),
  ];
}

function named(name: string): (one: { name: string }) => boolean {
  return (one) => one.name === name;
}

/** Changed checks are dropped before their successors are added; a check has its name of its column. */
function checkChanges(old: Entity, entity: Entity): string[] {
  const same = (one: Check, other: Check | undefined): boolean =>
    one.expression === other?.expression;
  const gone = old.checks.filter((check) => !same(check, entity.checks.find(named(check.name))));
  const fresh = entity.checks.filter((check) => !same(check, old.checks.find(named(check.name))));
  return [
    ...gone.map((check) => `DROP CONSTRAINT IF EXISTS ${ident(check.name)}`),
    ...fresh.map((check) => `ADD CONSTRAINT ${ident(check.name)} CHECK (${check.expression})`),
  ];
}

function columnChanges({ old, entity }: { old: Entity; entity: Entity }, column: Column): string[] {
  const before = old.columns.find(named(column.name));
  if (before === undefined || column.derived !== undefined) return [];
  const table = tableOf(entity);
  const name = ident(column.name);
  const alter = (action: string): string => `ALTER TABLE ${table} ALTER COLUMN ${name} ${action}`;
  const statements: string[] = [];
  if (before.default !== column.default) {
    statements.push(
      alter(column.default === undefined ? 'DROP DEFAULT' : `SET DEFAULT ${column.default}`),
    );
  }
  if (before.notNull && !column.notNull) statements.push(alter('DROP NOT NULL'));
  if (!before.notNull && column.notNull) {
    // Every site writes the same value into the same rows: whichever stamp is the later one, they agree.
    if (column.default !== undefined) {
      statements.push(`UPDATE ${table} SET ${name} = ${column.default} WHERE ${name} IS NULL`);
    }
    statements.push(alter('SET NOT NULL'));
  }
  return statements;
}

function uniqueChanges(old: Entity, entity: Entity): string[] {
  return [
    ...old.uniques
      .filter((unique) => !entity.uniques.some(named(unique.name)))
      .map((unique) => `DROP CONSTRAINT IF EXISTS ${ident(unique.name)}`),
    ...entity.uniques
      .filter((unique) => !old.uniques.some(named(unique.name)))
      .map(
        (unique) => `ADD CONSTRAINT ${ident(unique.name)} UNIQUE (${columnList(unique.columns)})`,
      ),
  ];
}

/**
 * A foreign key that is made anew holds for later writes of services only: rows that apply wrote may have no target,
 * which is what the rule for orphans is about. Nothing else of that rule is in the constraint.
 */
function referenceChanges(
  model: Model,
  { old, entity }: { old: Entity; entity: Entity },
): string[] {
  const key = ({ references }: Entity, name: string): string => {
    const { onOrphan: _, ...rest } = references.find(named(name)) ?? {};
    return canonicalJson(rest);
  };
  const changed = ({ name }: { name: string }): boolean => key(old, name) !== key(entity, name);
  const later = entity.local === true ? '' : ' NOT VALID';
  return [
    ...old.references
      .filter(changed)
      .map((reference) => `DROP CONSTRAINT IF EXISTS ${ident(reference.name)}`),
    ...entity.references
      .filter(changed)
      .map((reference) => `ADD ${referenceDdl(model, { entity, reference })}${later}`),
  ];
}
