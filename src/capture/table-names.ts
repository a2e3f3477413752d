import type { Client } from 'pg';
import { AppError } from '../base/errors.ts';
import type { Model } from '../model/ir/ir.ts';
import type { SqlName } from '../model/ir/names.ts';

/** The tables that the stamp triggers are on, whatever they are called now. Looks up pg_trigger, which is small. */
const STAMPED = `
  SELECT c.oid::bigint AS oid, n.nspname AS schema, c.relname AS name, p.proname AS function
  FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace
  JOIN pg_proc AS p ON p.oid = t.tgfoid
  WHERE t.tgname = 'zz_crp_stamp' AND p.pronamespace = 'crp'::regnamespace`;

interface Stamped {
  /** Its name in the model, under which it is shipped. */
  table: SqlName;
  /** Its name at the last look. */
  now: SqlName;
}

/**
 * The tables of the models by their oids. The WAL has a table under the name that it had when it was written: what was
 * written while it had another one is shipped under the model's, once the table has that again. Until then capture
 * waits, and the slot keeps the WAL: nobody says that rows of a table that was put away mean the same.
 */
export class TableNames {
  readonly #models: readonly Model[];
  #tables: ReadonlyMap<number, Stamped> = new Map();
  /** Names that were met once: a look was taken since. */
  readonly #met = new Set<string>();

  constructor(models: readonly Model[]) {
    this.#models = models;
  }

  /** Looks what the tables are called. */
  async read(client: Client): Promise<void> {
    const { rows } = await client.query<SqlName & { oid: string; function: string }>(STAMPED);
    const entities = this.#models.flatMap((model) => model.entities);
    this.#tables = new Map(
      rows.flatMap(({ oid, schema, name, function: found }): [number, Stamped][] => {
        const entity = entities.find(({ tombstone }) => `stamp_${tombstone}` === found);
        return entity === undefined
          ? []
          : [[Number(oid), { table: entity.table, now: { schema, name } }]];
      }),
    );
  }

  /**
   * The name under which a table is shipped that the WAL has under `said`.
   *
   * @throws AppError TABLE_RENAMED: the first time for one more look; then as long as the table has another name
   */
  nameOf(oid: number, said: SqlName): SqlName {
    const found = this.#tables.get(oid);
    if (found === undefined || isSame(found.table, said)) return said;
    const key = `${oid} ${full(said)}`;
    const isKnown = this.#met.has(key);
    this.#met.add(key);
    if (isKnown && isSame(found.now, found.table)) return found.table;
    throw new AppError(
      'TABLE_RENAMED',
      `Table "${full(found.table)}" of the model is called "${full(said)}" in the WAL`,
      {
        hint:
          `Give it its name and schema again (ALTER TABLE … RENAME TO, SET SCHEMA): what was written meanwhile is ` +
          `replicated then. Until then nothing of this site is, and the server keeps the WAL`,
        retry: isKnown ? 'never' : 'later',
      },
    );
  }
}

function isSame(one: SqlName, other: SqlName): boolean {
  return one.schema === other.schema && one.name === other.name;
}

function full({ schema, name }: SqlName): string {
  return `${schema}.${name}`;
}
