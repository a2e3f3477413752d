import type { Client } from 'pg';
import type { Tombstone } from '../../merge/types.ts';
import { BIRTH_COLUMN } from '../../model/ir/ir.ts';
import {
  slowDelete,
  slowInsert,
  slowLiving,
  slowTombstone,
  slowUpdate,
} from '../../sql/apply/apply-slow.ts';
import { runArrays } from '../rows/arrays.ts';
import { isIntegrityViolation, violationOf } from '../rows/integrity.ts';
import type { Violation } from '../rows/integrity.ts';
import type { RowCodec } from '../rows/row-codec.ts';

type Texts = readonly (string | null)[];

/** Runs a statement whose parameters are one-element arrays. True if it took one row. */
export function runOne(client: Client, text: string, values: Texts): Promise<boolean> {
  return runArrays(client, text, [values]);
}

/** Writes a tombstone over an older one. `key` is in the shape's columns. */
export async function writeTombstone(
  client: Client,
  codec: RowCodec,
  { key, tombstone }: { key: Texts; tombstone: Tombstone },
): Promise<void> {
  const { birth, stamp } = tombstone;
  const values = [...codec.key(key), birth.toString(), stamp.toString()];
  await runOne(client, slowTombstone(codec.shape), values);
}

/** Deletes a row by its key; no trigger writes a tombstone. */
export async function deleteRow(client: Client, codec: RowCodec, key: Texts): Promise<void> {
  await runOne(client, slowDelete(codec.shape), codec.key(key));
}

/**
 * Inserts whole rows, whose keys nobody else can insert until the transaction ends.
 *
 * @returns false when a key came into being meanwhile, or came and went, which left a tombstone: the caller undoes it
 */
export async function insertRows(
  client: Client,
  codec: RowCodec,
  rows: readonly Texts[],
): Promise<boolean> {
  const birth = codec.shape.columns.findIndex(({ name }) => name === BIRTH_COLUMN);
  const made = rows.map((row) => [...codec.key(row), row[birth] ?? null]);
  // In two statements, since the first may wait and sees only what was there when it began.
  return (
    (await runArrays(client, slowInsert(codec.shape), rows)) &&
    (await runArrays(client, slowLiving(codec.shape), made))
  );
}

/**
 * Writes a whole row under a savepoint.
 *
 * @param present whether the key is in the table
 * @returns what forbids it; 'raced' when the key came into being or went meanwhile, or both
 */
export function placeRow(
  client: Client,
  codec: RowCodec,
  { row, present }: { row: Texts; present: boolean },
): Promise<Violation | 'raced' | undefined> {
  return tried(client, async () => {
    const done = present
      ? await runOne(client, slowUpdate(codec.shape), row)
      : await insertRows(client, codec, [row]);
    return done ? undefined : 'raced';
  });
}

/** Runs `work` under a savepoint that is rolled back when it gives a reason or breaks a constraint. */
export async function tried(
  client: Client,
  work: () => Promise<Violation | 'raced' | undefined>,
): Promise<Violation | 'raced' | undefined> {
  await client.query('SAVEPOINT crp_try');
  let outcome: Violation | 'raced' | undefined;
  try {
    outcome = await work();
  } catch (error) {
    if (!isIntegrityViolation(error)) throw error;
    outcome = violationOf(error);
  }
  await client.query(
    outcome === undefined
      ? 'RELEASE SAVEPOINT crp_try'
      : 'ROLLBACK TO SAVEPOINT crp_try; RELEASE SAVEPOINT crp_try',
  );
  return outcome;
}

/** A row that changes places with others. */
export interface Exchanged {
  key: Texts;
  present: boolean;
  /** What it is to be; undefined: deleted. */
  next: Texts | undefined;
  tombstone: Tombstone | undefined;
}

/**
 * Writes rows that are in each other's way: all leave the table, then all come back. All or nothing.
 *
 * @returns the place in the array of the row that a constraint forbids
 */
export async function exchange(
  client: Client,
  codec: RowCodec,
  rows: readonly Exchanged[],
): Promise<number | undefined> {
  const living = rows.flatMap(({ next }) => (next === undefined ? [] : [next]));
  // Two statements where nothing else is in the way; one by one where somebody has to be found.
  const once = await tried(client, async () => {
    await clear(client, codec, rows);
    return (await insertRows(client, codec, living)) ? undefined : 'raced';
  });
  if (once === undefined) return undefined;
  let current = 0;
  const outcome = await tried(client, async () => {
    await clear(client, codec, rows);
    for (const [index, { next }] of rows.entries()) {
      current = index;
      if (next === undefined) continue;
      if (!(await insertRows(client, codec, [next]))) return 'raced';
    }
    return undefined;
  });
  return outcome === undefined ? undefined : current;
}

/** Takes the rows out of the table; those that end have their tombstones. */
async function clear(client: Client, codec: RowCodec, rows: readonly Exchanged[]): Promise<void> {
  const keys = rows.filter(({ present }) => present).map(({ key }) => codec.key(key));
  await runArrays(client, slowDelete(codec.shape), keys);
  for (const { key, tombstone } of rows) {
    if (tombstone !== undefined) await writeTombstone(client, codec, { key, tombstone });
  }
}
