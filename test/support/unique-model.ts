import type { Model } from '../../src/model/ir/ir.ts';
import { modelOf } from './rules-model.ts';

/** Rules that settle a clash at every site, each with an entity for every kind of index: `partial_earliest`, … */
export const RULES = ['earliest', 'append-sequence'] as const;

/** Kinds of unique index beside the plain one, with the SQL that makes it in the place of the model's constraint. */
export const KINDS: Record<string, (constraint: string, table: string) => string> = {
  partial: (name, table) => `CREATE UNIQUE INDEX "${name}" ON ${table} (name) WHERE active`,
  nulls: (name, table) => `CREATE UNIQUE INDEX "${name}" ON ${table} (name) NULLS NOT DISTINCT`,
  expression: (name, table) => `CREATE UNIQUE INDEX "${name}" ON ${table} (lower(name))`,
  immediate: (name, table) =>
    `ALTER TABLE ${table} ADD CONSTRAINT "${name}" UNIQUE (name) DEFERRABLE INITIALLY IMMEDIATE`,
  deferred: (name, table) =>
    `ALTER TABLE ${table} ADD CONSTRAINT "${name}" UNIQUE (name) DEFERRABLE INITIALLY DEFERRED`,
};

/** A model of adopted tables `public.KIND_RULE(id, name, active, note)`. */
export function uniqueModel(): Model {
  const lists = tables().map(
    ({ kind, rule, table }) => `list ${kind}-${rule} {
      key id;
      unique name { crp:on-unique-clash "${rule}"; }
      crp:entity "${kind}-${rule}" { crp:column-group "name"; crp:sql-table "public.${table}" { crp:adopt "table"; } }
      leaf id { type int32; }
      leaf name { type string; crp:in-group "name"; }
      leaf active { type boolean; }
      leaf note { type string; }
    }`,
  );
  return modelOf(lists.join('\n'));
}

function tables(): { kind: string; rule: string; table: string }[] {
  return Object.keys(KINDS).flatMap((kind) =>
    RULES.map((rule) => ({ kind, rule, table: `${kind}_${rule.replaceAll('-', '_')}` })),
  );
}

/** What the program that owns the tables makes: each has an index of its kind. */
export function uniqueTables(model: Model): string {
  return tables()
    .map(({ kind, rule, table }) => {
      const entity = model.entities.find(({ name }) => name === `${kind}-${rule}`)!;
      return `CREATE TABLE ${table} (id integer PRIMARY KEY, name text, active boolean, note text);
        ${KINDS[kind]!(entity.uniques[0]!.name, `public.${table}`)};`;
    })
    .join('\n');
}
