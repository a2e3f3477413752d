import type { Client } from 'pg';
import type { DecodedRelation } from '../journal/batch.ts';
import type { Entity, Model } from '../model/ir/ir.ts';
import type { ShapeColumn } from '../sql/names/shape.ts';
import type { LocalTable, RelationDescriptor, RelationPlan, UnknownPlan } from './rows/relation.ts';
import { planEntity, planTombstone, UNKNOWN_PLAN } from './rows/relation.ts';
import { TEXT, TEXT_ARRAY } from './rows/column-types.ts';

/**
 * Columns of a table that apply may write: generated ones are PostgreSQL's own. A value of a domain is staged as one of the
 * type that the domain is made of: what the domain forbids (NULL, where a change has no row before or after it, too) must
 * fail where the row is written, and not before it is known which row it is. An array of a composite type is of no use here:
 * `unnest` makes as many columns of it as the type has.
 */
const COLUMNS = `
  SELECT a.attname, CASE WHEN n.nspname = 'pg_catalog' THEN format_type(t.oid, NULL)
           ELSE n.nspname || '.' || t.typname END, quote_ident(b.schema) || '.' || quote_ident(b.typname),
         b.oid::bigint, CASE WHEN b.typtype = 'c' THEN 0 ELSE b.typarray::bigint END, pg_get_expr(d.adbin, d.adrelid),
         CASE WHEN b.typtype = 'e' THEN 'label'
           WHEN EXISTS (SELECT FROM pg_type AS m WHERE m.typarray = b.oid AND m.typtype = 'e') THEN 'labels' END
  FROM pg_attribute AS a
  JOIN pg_type AS t ON t.oid = a.atttypid
  JOIN pg_namespace AS n ON n.oid = t.typnamespace
  CROSS JOIN LATERAL (
    WITH RECURSIVE base AS (
      SELECT t.oid, t.typname, t.typtype, t.typarray, t.typbasetype, n.nspname AS schema
      UNION ALL
      SELECT u.oid, u.typname, u.typtype, u.typarray, u.typbasetype, m.nspname
      FROM base JOIN pg_type AS u ON u.oid = base.typbasetype JOIN pg_namespace AS m ON m.oid = u.typnamespace
      WHERE has_schema_privilege(m.oid, 'USAGE'))
    SELECT * FROM base WHERE typbasetype = 0 OR NOT EXISTS (SELECT FROM base AS more WHERE more.oid = base.typbasetype)
  ) AS b
  LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
  WHERE a.attrelid = to_regclass(format('%I.%I', $1::text, $2::text))
    AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
  ORDER BY a.attnum`;

/** A row of `COLUMNS`; the last says whether values are one label of an enum, or an array of such. */
type ColumnRow = [
  ...[string, string, string, string, string],
  string | null,
  keyof typeof LABELS | null,
];

/** What labels of an enum are staged as: text, whose binary form is the same. */
const LABELS = { label: TEXT, labels: TEXT_ARRAY } as const;

const DEFERRABLE = `
  SELECT EXISTS (SELECT FROM pg_index AS i WHERE NOT i.indimmediate
    AND i.indrelid = to_regclass(format('%I.%I', $1::text, $2::text))) AS found`;

/**
 * What the relations named in batches mean in this database. One a session: it holds the local tables'
 * columns as they were when the session began; a change of a table ends the session (see apply-origin).
 */
export class Catalog {
  readonly #client: Client;
  readonly #entities = new Map<string, Entity>();
  readonly #tombstones = new Map<string, Entity>();
  readonly #plans = new Map<string, RelationPlan | UnknownPlan>();
  #nextId = 0;

  constructor(client: Client, models: readonly Model[]) {
    this.#client = client;
    for (const entity of models.flatMap((model) => model.entities)) {
      this.#entities.set(`${entity.table.schema}.${entity.table.name}`, entity);
      this.#tombstones.set(entity.tombstone, entity);
    }
  }

  /**
   * The plan for a relation.
   *
   * @param descriptor identifies the description: the same bytes are the same plan
   * @throws Error when its columns do not fit
   */
  async plan(
    descriptor: string,
    relation: RelationDescriptor,
  ): Promise<RelationPlan | UnknownPlan> {
    let plan = this.#plans.get(descriptor);
    if (plan === undefined) {
      plan = await this.#make(relation);
      this.#plans.set(descriptor, plan);
    }
    return plan;
  }

  /** The plans for a batch's or chunk's relations, in their order. */
  async plans(relations: readonly DecodedRelation[]): Promise<(RelationPlan | UnknownPlan)[]> {
    const plans: (RelationPlan | UnknownPlan)[] = [];
    for (const { key, relation } of relations) plans.push(await this.plan(key, relation));
    return plans;
  }

  async #make(relation: RelationDescriptor): Promise<RelationPlan | UnknownPlan> {
    const tombstoneOf = relation.schema === 'crp' ? this.#tombstones.get(relation.name) : undefined;
    if (tombstoneOf !== undefined) return planTombstone(tombstoneOf, relation);
    const entity = this.#entities.get(`${relation.schema}.${relation.name}`);
    if (entity === undefined) return UNKNOWN_PLAN;
    const local = await this.#localTable(entity);
    const deferrable = await this.#isDeferrable(entity);
    return planEntity(this.#nextId++, { entity, relation, local, deferrable });
  }

  /** Whether a unique or exclusion constraint of the table is DEFERRABLE. */
  async #isDeferrable({ table }: Entity): Promise<boolean> {
    const { rows } = await this.#client.query<{ found: boolean }>(DEFERRABLE, [
      table.schema,
      table.name,
    ]);
    return rows[0]!.found;
  }

  async #localTable(entity: Entity): Promise<LocalTable> {
    const columns = await localColumns(this.#client, entity);
    return new Map(columns.map((column) => [column.name, column]));
  }
}

/**
 * The columns of an entity's table here that apply may write, in the table's order.
 *
 * @throws Error when there is no such table
 */
export async function localColumns(client: Client, entity: Entity): Promise<ShapeColumn[]> {
  const { schema, name } = entity.table;
  const result = await client.query<ColumnRow>({
    text: COLUMNS,
    values: [schema, name],
    rowMode: 'array',
  });
  if (result.rows.length === 0) throw new Error(`table "${schema}.${name}" does not exist here`);
  return result.rows.map(([column, typeName, type, oid, arrayOid, fallback, labels]) => ({
    ...{ name: column, typeName, type, oid: Number(oid), arrayOid: Number(arrayOid) },
    ...(fallback === null ? {} : { fallback }),
    // A key that is no value of its type here can be neither looked for nor noted as deleted.
    ...(labels === null || entity.key.includes(column) ? {} : { staged: LABELS[labels] }),
  }));
}
