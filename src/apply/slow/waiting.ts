import type { Client } from 'pg';
import type { KeyState, MergePolicy, MergeResult, RowVersion } from '../../merge/types.ts';
import { wholeState } from '../../merge/waiting.ts';
import type { Entity } from '../../model/ir/ir.ts';
import { isKey, WAITING_KEY } from '../../sql/ddl/waiting-ddl.ts';
import { QUEUE_HAS_ROOM } from '../../sql/names/notify-queue.ts';
import type { ShapeColumn } from '../../sql/names/shape.ts';
import { recordConflicts, recordedImage } from '../rows/conflict-log.ts';
import { conflictType } from '../rows/integrity.ts';
import type { Violation } from '../rows/integrity.ts';
import type { RowCodec } from '../rows/row-codec.ts';

/** A row by column name, in PostgreSQL's text form, hidden columns too. */
export type Image = Readonly<Record<string, string | null>>;
type Texts = readonly (string | null)[];

/** A key whose merged row is kept out of the table; `base`: what the table had when it was parked. */
export interface WaitingRow {
  row: Image;
  base: Image | undefined;
}

/** One key that is parked. */
export interface Parking {
  entity: Entity;
  columns: readonly ShapeColumn[];
  /** The merged row. */
  row: Texts;
  /** What is in the table, and what the record shows beside it (a row that is in the way). */
  base: Texts | undefined;
  shown?: Texts | undefined;
  type: string;
  method: string;
  reason: string;
}

/** What a change of a key led to. */
export interface AppliedChange extends Pick<Parking, 'entity' | 'columns' | 'base'> {
  /** What the key is now; undefined: deleted. */
  row: Texts | undefined;
  /** What forbids the row. */
  violation: Violation | undefined;
  /** The key, of one that waited before. */
  key: Image | undefined;
}

/** Locks in key order. */
const READ = `
  SELECT k.i::integer AS i, w.row, w.base FROM jsonb_array_elements($2::jsonb) WITH ORDINALITY AS k(key, i)
  JOIN crp.waiting AS w ON w.entity = $1 AND ${isKey('w.key', 'k.key')} ORDER BY w.key FOR UPDATE OF w`;

/** A new one wakes the settler (src/site/upkeep/settler.ts) when it commits. */
const PUT = `
  WITH put AS (INSERT INTO crp.waiting AS w (entity, key, row, base, reason) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT ${WAITING_KEY} DO UPDATE SET row = excluded.row, base = excluded.base,
      reason = excluded.reason, tried_at = clock_timestamp()
    RETURNING xmax = 0 AS fresh)
  SELECT pg_notify('crp_waiting', '') FROM put WHERE fresh AND ${QUEUE_HAS_ROOM}`;

/** The record of a key that is parked already shows its newest form. */
const SHOW = `
  UPDATE crp.conflict SET remote_row = $3, local_row = $4, reason = $5, type = $6, method = $7
  WHERE status = 'parked' AND entity = $1 AND ${isKey('key', '$2::jsonb')}`;

const SETTLE = `
  WITH gone AS (DELETE FROM crp.waiting WHERE entity = $1 AND ${isKey('key', '$2::jsonb')})
  UPDATE crp.conflict SET status = 'resolved', winner = $3, reason = reason || $4
  WHERE status = 'parked' AND entity = $1 AND ${isKey('key', '$2::jsonb')}`;

/** Who is recorded as the other side of a conflict. */
export interface Origin {
  number: number;
  name: string;
}

/** Rows that wait outside their tables, in one session. All in the caller's transaction. */
export class Waiting {
  readonly #client: Client;

  constructor(client: Client) {
    this.#client = client;
  }

  /** What waits under these keys, by their places in the array; locked until the transaction ends. */
  async read(entity: Entity, keys: readonly Image[]): Promise<Map<number, WaitingRow>> {
    if (keys.length === 0) return new Map();
    const { rows } = await this.#client.query<{ i: number; row: Image; base: Image | null }>({
      name: 'crp_waiting',
      text: READ,
      values: [entity.name, JSON.stringify(keys)],
    });
    return new Map(rows.map(({ i, row, base }) => [i - 1, { row, base: base ?? undefined }]));
  }

  /** Parks a key, or notes its newest form. A new one is recorded, which tells the operator. */
  async park(parking: Parking, origin: Origin): Promise<void> {
    const { entity, columns, row, base, shown, reason, type, method } = parking;
    const key = JSON.stringify(keyImage(entity, columns, row));
    const baseText = base === undefined ? null : JSON.stringify(image(columns, base));
    await this.#client.query(PUT, [
      ...[entity.name, key, JSON.stringify(image(columns, row)), baseText, reason],
    ]);
    const local = shown ?? base;
    const known = await this.#client.query(SHOW, [
      ...[entity.name, key, recordedImage(parking, row), recordedImage(parking, local), reason],
      ...[type, method],
    ]);
    if (known.rowCount !== 0) return;
    const conflict = { type, method, winner: 'none', localStamp: 0n, remoteStamp: 0n, reason };
    const entry = { entity, columns, conflict, local, remote: row };
    await recordConflicts(this.#client, [{ ...entry, status: 'parked' }], origin);
  }

  /** What follows from a change that was applied: a row that is forbidden waits; one that waited and was written does not. */
  async applied(change: AppliedChange, origin: Origin): Promise<void> {
    const { violation, key, row, ...rest } = change;
    if (violation !== undefined && row !== undefined) {
      const { message: reason } = violation;
      const parking = { ...rest, row, type: conflictType(violation), method: 'park', reason };
      await this.park(parking, origin);
    } else if (key !== undefined) {
      const how = { winner: 'remote', reason: 'a later change of the row was applied' };
      await this.settle(rest.entity, key, how);
    }
  }

  /** The key waits no more: its records are closed with the reason. */
  async settle(entity: Entity, key: Image, how: { winner: string; reason: string }): Promise<void> {
    const { winner, reason } = how;
    await this.#client.query(SETTLE, [
      ...[entity.name, JSON.stringify(key), winner, `; settled: ${reason}`],
    ]);
  }
}

/** The columns and values of a row. */
export function image(columns: readonly ShapeColumn[], texts: Texts): Image {
  return Object.fromEntries(columns.map(({ name }, place) => [name, texts[place] ?? null]));
}

/** The key as `crp.waiting`, `crp.orphan` and `crp.conflict` have it. */
export function keyImage(entity: Entity, columns: readonly ShapeColumn[], texts: Texts): Image {
  return Object.fromEntries(
    columns.flatMap(({ name }, place) =>
      entity.key.includes(name) ? [[name, texts[place] ?? null]] : [],
    ),
  );
}

/** The key's values in its order. */
export function keyValues(entity: Entity, from: Image): (string | null)[] {
  return entity.key.map((name) => from[name] ?? null);
}

/** The key in an image as one text: what keys are told apart and put in order by. */
export function keyText(entity: Entity, from: Image): string {
  return JSON.stringify(entity.key.map((name) => from[name]));
}

/** The values of an image in the shape's order; NULL where it has none. */
export function texts(columns: readonly ShapeColumn[], from: Image): (string | null)[] {
  return columns.map(({ name }) => from[name] ?? null);
}

/** The whole state of a key that waits (src/merge/waiting.ts). */
export function logicalState(
  codec: RowCodec,
  policy: MergePolicy,
  parts: { waiting: WaitingRow; physical: KeyState },
): MergeResult {
  const { row, base } = parts.waiting;
  const version = (from: Image): RowVersion => codec.version(texts(codec.shape.columns, from));
  return wholeState(policy, { row: version(row), base: base && version(base) }, parts.physical);
}
