import type { Client } from 'pg';
import type { Entity, Model } from '../../model/ir/ir.ts';
import { childrenOf, childrenWithoutParent, lockParents } from '../../sql/ddl/orphan-sql.ts';
import type { Bond } from '../../sql/ddl/orphan-sql.ts';
import { ORPHAN_KEY } from '../../sql/ddl/waiting-ddl.ts';
import { QUEUE_HAS_ROOM } from '../../sql/names/notify-queue.ts';
import type { EntityNet } from '../fold/entity-net.ts';
import type { NetRow } from '../fold/fold.ts';
import type { SlowTable } from './slow-table.ts';
import { ArraySink } from '../rows/field-sinks.ts';
import { newFields, readTuple } from '../rows/tuple.ts';
import { image, keyText } from './waiting.ts';
import type { Image } from './waiting.ts';

/** A parent as its delete found it, and the stamp of the delete; by the parent's key as JSON array. */
type Deleted = Map<string, { row: Image; stamp: bigint }>;

const NOTE = `
  WITH note AS (INSERT INTO crp.orphan AS o (entity, reference, key, parent_row, deleted)
    SELECT v.entity, v.reference, v.key, v.parent_row, v.deleted::bigint
    FROM jsonb_to_recordset($1::jsonb) AS v(entity text, reference text, key jsonb, parent_row jsonb, deleted text)
    ON CONFLICT ${ORPHAN_KEY} DO UPDATE SET deleted = greatest(o.deleted, excluded.deleted),
      parent_row = CASE WHEN coalesce(excluded.deleted, 0) > coalesce(o.deleted, 0)
        THEN excluded.parent_row ELSE o.parent_row END)
  SELECT pg_notify('crp_waiting', '') WHERE ${QUEUE_HAS_ROOM}`;

/**
 * Finds rows that lost the target of a reference, among the keys that a transaction touched, and notes them
 * for the settler. Foreign keys are not checked in sessions that apply. All in the caller's transaction.
 */
export class Orphans {
  readonly #client: Client;
  readonly #asChild = new Map<string, Bond[]>();
  readonly #asParent = new Map<string, Bond[]>();

  constructor(client: Client, models: readonly Model[]) {
    this.#client = client;
    for (const bond of models.flatMap(bondsOf)) {
      add(this.#asChild, bond.child.name, bond);
      add(this.#asParent, bond.parent.name, bond);
    }
  }

  /** True if changes of the entity can make orphans that a rule is about. */
  watches(entity: Entity): boolean {
    return this.#asChild.has(entity.name) || this.#asParent.has(entity.name);
  }

  /** References of the entity's rows that have a rule. */
  bondsOf(entity: Entity): readonly Bond[] {
    return this.#asChild.get(entity.name) ?? [];
  }

  /** What changes that are about to be applied delete, where the delete may have to be undone. */
  async deletedBy(table: SlowTable, nets: Iterable<EntityNet>): Promise<Deleted> {
    const deleted: Deleted = new Map();
    for (const { plan, rows } of nets) {
      const { entity, columns } = plan.shape;
      const bonds = this.#asParent.get(entity.name) ?? [];
      if (!bonds.some(({ reference }) => reference.onOrphan === 'restore')) continue;
      const gone = [...rows.values()].flatMap((row) =>
        isDelete(row) && row.found !== undefined ? [{ ...row, before: row.found }] : [],
      );
      if (gone.length === 0) continue;
      for (const { net, before } of await table.read(plan, gone)) {
        if (before === undefined || net.deleted === undefined) continue;
        const row = image(columns, before);
        deleted.set(keyText(entity, row), { row, stamp: net.deleted.stamp });
      }
    }
    return deleted;
  }

  /** Notes the orphans that applied changes made. */
  async note(nets: Iterable<EntityNet>, deleted: Deleted): Promise<void> {
    for (const { plan, rows } of nets) {
      const { entity } = plan.shape;
      const all = [...rows.values()];
      const written = all.filter((row) => !isDelete(row));
      const gone = all.filter(isDelete);
      const keys = (part: readonly NetRow[]): unknown[] => keyArrays(plan, part);
      if (written.length > 0) await this.#noteWritten(entity, keys(written), deleted);
      if (gone.length > 0) await this.#noteLeft(entity, keys(gone), deleted);
    }
  }

  /** Notes the orphans among rows that were written, or left by one that was deleted. Keys in key order. */
  async noteKey(
    entity: Entity,
    key: readonly (string | null)[],
    what: 'written' | 'deleted',
  ): Promise<void> {
    const keys = key.map((value) => [value]);
    const none: Deleted = new Map();
    if (what === 'written') await this.#noteWritten(entity, keys, none);
    else await this.#noteLeft(entity, keys, none);
  }

  /** Among rows that were written. */
  async #noteWritten(entity: Entity, keys: unknown[], deleted: Deleted): Promise<void> {
    for (const bond of this.bondsOf(entity)) {
      await this.#client.query(lockParents(bond), keys);
      await this.#search(bond, { text: childrenWithoutParent(bond), values: keys }, deleted);
    }
  }

  /** Among the rows that refer to some that were deleted. */
  async #noteLeft(entity: Entity, keys: unknown[], deleted: Deleted): Promise<void> {
    for (const bond of this.#asParent.get(entity.name) ?? []) {
      await this.#search(bond, { text: childrenOf(bond), values: keys }, deleted);
    }
  }

  async #search(
    bond: Bond,
    query: { text: string; values: unknown[] },
    deleted: Deleted,
  ): Promise<void> {
    const { rows } = await this.#client.query<string[]>({ ...query, rowMode: 'array' });
    const noted = rows.map((row) => {
      const width = bond.child.key.length;
      const parent = deleted.get(JSON.stringify(row.slice(width)));
      return {
        ...{ entity: bond.child.name, reference: bond.reference.name },
        key: Object.fromEntries(bond.child.key.map((name, at) => [name, row[at]!])),
        ...(parent === undefined ? {} : { parent_row: parent.row, deleted: String(parent.stamp) }),
      };
    });
    if (noted.length > 0) await this.#client.query(NOTE, [JSON.stringify(noted)]);
  }
}

/** References with a rule other than to keep the row. */
export function bondsOf(model: Model): Bond[] {
  return model.entities.flatMap((child) =>
    child.references
      .filter(({ onOrphan }) => onOrphan !== undefined)
      .map((reference) => {
        const parent = model.entities.find(({ name }) => name === reference.target.entity)!;
        return { child, parent, reference };
      }),
  );
}

function add(bonds: Map<string, Bond[]>, name: string, bond: Bond): void {
  bonds.set(name, [...(bonds.get(name) ?? []), bond]);
}

function isDelete(row: NetRow): boolean {
  return row.after === undefined;
}

/** The rows' keys as one binary array a key column. */
function keyArrays({ shape, key }: EntityNet['plan'], rows: readonly NetRow[]): Buffer[] {
  const oidOf = (name: string): number => shape.columns.find((column) => column.name === name)!.oid;
  const sink = new ArraySink(shape.entity.key.map(oidOf));
  const fields = newFields();
  for (const { key: tuple } of rows) {
    readTuple(tuple.bytes, tuple.offset, fields);
    for (const field of key) sink.raw(tuple.bytes, fields[2 * field]!, fields[2 * field + 1]!);
  }
  return sink.params();
}
