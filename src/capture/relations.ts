import { AppError } from '../base/errors.ts';
import { encodeRelation } from '../journal/batch-encode.ts';
import type { RelationMessage } from './messages.ts';
import type { TableNames } from './table-names.ts';

/** Names of types by oid, as `TYPE_NAMES` lists them. */
export type TypeNames = Map<number, string>;

/** Every type: built-in ones as `format_type()` prints them, others with their schema. */
export const TYPE_NAMES = `
  SELECT t.oid::bigint AS oid, CASE WHEN n.nspname = 'pg_catalog' THEN format_type(t.oid, NULL)
    ELSE n.nspname || '.' || t.typname END AS name
  FROM pg_type AS t JOIN pg_namespace AS n ON n.oid = t.typnamespace`;

interface Known {
  encoded: Buffer;
  /** `schema.table`. */
  name: string;
  /** Its changes are of no use without the row before: all but tombstones. */
  needsOld: boolean;
  /** Which fields are shipped; undefined: all. */
  kept: boolean[] | undefined;
}

/** The relations that the walsender described, and the indexes under which a batch refers to them. */
export class Relations {
  readonly #types: TypeNames;
  readonly #known = new Map<number, Known>();
  readonly #unshipped: ReadonlyMap<string, ReadonlySet<string>>;
  readonly #names: TableNames | undefined;

  /**
   * @param unshipped columns that are not shipped, by `schema.table`
   * @param names under which tables are shipped; without it as the WAL calls them
   */
  constructor(
    types: TypeNames,
    unshipped: ReadonlyMap<string, ReadonlySet<string>>,
    names?: TableNames,
  ) {
    this.#types = types;
    this.#unshipped = unshipped;
    this.#names = names;
  }

  /** Notes a type that came after the session began. */
  type(oid: number, name: string): void {
    if (!this.#types.has(oid)) this.#types.set(oid, name);
  }

  /**
   * Notes a relation as it is from now on.
   *
   * @throws AppError TABLE_RENAMED
   */
  describe(message: RelationMessage): void {
    const { schema, name } = this.#names?.nameOf(message.oid, message) ?? message;
    const full = `${schema}.${name}`;
    const unshipped = this.#unshipped.get(full);
    const kept = unshipped && message.columns.map((column) => !unshipped.has(column.name));
    const columns = message.columns
      .filter((_, field) => kept?.[field] !== false)
      .map((column) => ({
        ...column,
        typeName: this.#types.get(column.oid) ?? `unknown ${column.oid}`,
      }));
    const encoded = encodeRelation({ schema, name, columns });
    this.#known.set(message.oid, { encoded, name: full, needsOld: schema !== 'crp', kept });
  }

  /** `schema.table` of a relation that was described. */
  name(oid: number): string {
    return this.#known.get(oid)?.name ?? String(oid);
  }

  /** Whether a change of the relation is of no use without the row before. */
  needsOld(oid: number): boolean {
    return this.#known.get(oid)?.needsOld === true;
  }

  /** Which fields of a relation's tuples are shipped; undefined: all, as of almost every relation. */
  kept(oid: number): readonly boolean[] | undefined {
    return this.#unshipped.size === 0 ? undefined : this.#known.get(oid)?.kept;
  }

  /** @throws AppError when the publication has a relation that was never described: a protocol error */
  encoded(oid: number): Buffer {
    const known = this.#known.get(oid);
    if (known === undefined) {
      throw new AppError('CAPTURE_PROTOCOL', `The walsender did not describe relation ${oid}`);
    }
    return known.encoded;
  }
}

/** Indexes of the relations that one batch or chunk refers to. */
export class RelationList {
  readonly #relations: Relations;
  readonly #index = new Map<Buffer, number>();
  #lastOid = -1;
  #lastEncoded: Buffer | undefined;
  #lastIndex = 0;

  constructor(relations: Relations) {
    this.#relations = relations;
  }

  indexOf(oid: number): number {
    const encoded = this.#relations.encoded(oid);
    if (oid === this.#lastOid && encoded === this.#lastEncoded) return this.#lastIndex;
    let index = this.#index.get(encoded);
    if (index === undefined) {
      index = this.#index.size;
      this.#index.set(encoded, index);
    }
    this.#lastOid = oid;
    this.#lastEncoded = encoded;
    this.#lastIndex = index;
    return index;
  }

  list(): Buffer[] {
    return [...this.#index.keys()];
  }
}
