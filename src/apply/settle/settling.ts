import type { Client } from 'pg';
import { clashRules } from '../../merge/claims.ts';
import type { ClashRules, UniqueRule } from '../../merge/claims.ts';
import { policyOf, valueColumns } from '../../merge/policy.ts';
import type { KeyState, MergePolicy } from '../../merge/types.ts';
import type { Entity, Model } from '../../model/ir/ir.ts';
import { connect } from '../../postgres/connect.ts';
import { inTransaction } from '../../postgres/transaction.ts';
import { readOne, UNIQUE_INDEXES } from '../../sql/apply/clash-sql.ts';
import type { UniqueIndex } from '../../sql/apply/clash-sql.ts';
import { hiddenNames } from '../../sql/names/shape.ts';
import type { ShapeColumn } from '../../sql/names/shape.ts';
import { TEXT_TYPES } from '../rows/arrays.ts';
import { localColumns } from '../catalog.ts';
import { RowCodec } from '../rows/row-codec.ts';
import { prepareForeign, prepareSession } from '../session.ts';
import { texts } from '../slow/waiting.ts';
import type { Image, Origin } from '../slow/waiting.ts';

export interface SettlingOptions {
  dsn: string;
  models: readonly Model[];
  site: Origin;
  /** Names of all sites that ever were in the group, by number. */
  siteNames: () => ReadonlyMap<number, string>;
  /** Has local writes stamped after a stamp from now on, as far as clocks may be ahead. */
  follow: (stamp: bigint) => Promise<unknown>;
}

/** An entity with everything that settling needs of it. */
export interface Target {
  entity: Entity;
  columns: ShapeColumn[];
  policy: MergePolicy;
  rules: ClashRules;
  indexes: { index: UniqueIndex; unique: UniqueRule }[];
}

/** A key as it is in the table, locked. */
export interface Physical {
  texts: (string | null)[] | undefined;
  state: KeyState;
}

/**
 * Two sessions, both as a replica (stamps are written as they are). What `remote` commits is what other sites
 * made: it is under a replication origin and not captured. What `local` commits is derived here: it is
 * captured like a write of the service.
 */
export class Settling {
  readonly options: SettlingOptions;
  readonly remote: Client;
  readonly local: Client;
  readonly #begin: { local: string; remote: string };
  readonly #targets = new Map<string, Target>();

  private constructor(
    options: SettlingOptions,
    sessions: { remote: Client; local: Client; begin: { local: string; remote: string } },
  ) {
    this.options = options;
    this.remote = sessions.remote;
    this.local = sessions.local;
    this.#begin = sessions.begin;
  }

  /** @throws the database's error; 55006 while another agent of this site uses the replication origin */
  static async open(options: SettlingOptions): Promise<Settling> {
    const remote = await connect(options.dsn, 'syncline settle');
    const local = await connect(options.dsn, 'syncline derive').catch(async (error: unknown) => {
      await remote.end().catch(() => undefined);
      throw error;
    });
    try {
      const { models, site } = options;
      const begin = {
        local: await prepareSession(local, models),
        remote: await prepareForeign(remote, models, `crp_${site.name}_settle`),
      };
      return new Settling(options, { remote, local, begin });
    } catch (error) {
      for (const client of [remote, local]) await client.end().catch(() => undefined);
      throw error;
    }
  }

  /** Undoes what the transaction wrote and begins another one. */
  async startOver(client: Client): Promise<void> {
    await client.query('ROLLBACK');
    await client.query(this.#beginOf(client));
  }

  /** Runs work in a transaction of one of the two; what it throws rolls back. */
  transaction<T>(client: Client, work: () => Promise<T>): Promise<T> {
    return inTransaction(client, work, this.#beginOf(client));
  }

  #beginOf(client: Client): string {
    return client === this.local ? this.#begin.local : this.#begin.remote;
  }

  async close(): Promise<void> {
    for (const client of [this.remote, this.local]) await client.end().catch(() => undefined);
  }

  /** Tables may have changed: what is known of them is read again. */
  forget(): void {
    this.#targets.clear();
  }

  entity(name: string): Entity | undefined {
    return this.options.models.flatMap(({ entities }) => entities).find((one) => one.name === name);
  }

  async target(entity: Entity): Promise<Target> {
    let target = this.#targets.get(entity.name);
    if (target === undefined) {
      const rules = clashRules(entity);
      const { schema, name } = entity.table;
      const { rows } = await this.remote.query<UniqueIndex>(UNIQUE_INDEXES, [schema, name]);
      target = {
        ...{ entity, rules, policy: policyOf(entity, this.options.siteNames) },
        columns: (await localColumns(this.remote, entity)).filter(isReplicated(entity)),
        indexes: rows.map((index) => ({ index, unique: ruleOf(entity, rules, index) })),
      };
      this.#targets.set(entity.name, target);
    }
    return target;
  }
}

/** Other columns belong to the site: what is written here leaves them as they are. */
function isReplicated(entity: Entity): (column: ShapeColumn) => boolean {
  const values = valueColumns(entity).map((column) => column.name);
  const names = new Set([...entity.key, ...values, ...hiddenNames(entity)]);
  return ({ name }) => names.has(name);
}

/** The model's rule for an index with these columns, whatever its name and predicate; without one: `park`. */
function ruleOf(entity: Entity, rules: ClashRules, { name, columns }: UniqueIndex): UniqueRule {
  const same = (one: readonly string[]): boolean =>
    one.length === columns.length && one.every((column) => columns.includes(column));
  const at = entity.uniques.findIndex((unique) => unique.name === name);
  const rule = rules.uniques[at] ?? rules.uniques.find((unique) => same(unique.columns));
  return rule ?? { columns, method: 'park', groups: [], append: undefined };
}

/** A codec for the columns that an image has: the origin's table may lack some that are here. */
export function codecFor(target: Target, row?: Image): RowCodec {
  const { entity, columns } = target;
  return new RowCodec({
    entity,
    columns: row === undefined ? columns : columns.filter(({ name }) => name in row),
  });
}

/** Reads and locks one key of the table. `key` has the key's columns. */
export async function readPhysical(client: Client, codec: RowCodec, key: Image): Promise<Physical> {
  const { columns } = codec.shape;
  const { rows } = await client.query<(string | null)[]>({
    text: readOne(codec.shape),
    values: codec.key(texts(columns, key)),
    rowMode: 'array',
    types: TEXT_TYPES,
  });
  const [found, birth, stamp] = rows[0]!.slice(columns.length);
  const values = found === 'true' ? rows[0]!.slice(0, columns.length) : undefined;
  const state: KeyState = {};
  if (values !== undefined) state.row = codec.version(values);
  if (birth != null && stamp != null) {
    state.tombstone = { birth: BigInt(birth), stamp: BigInt(stamp) };
  }
  return { texts: values, state };
}
