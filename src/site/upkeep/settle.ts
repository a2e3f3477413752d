import type { Client } from 'pg';
import { AppError } from '../../base/errors.ts';
import type { Entity } from '../../model/ir/ir.ts';
import { columnList, tableOf } from '../../sql/names/apply-names.ts';
import { ident } from '../../model/ir/names.ts';
import { readModels } from '../database/catalog.ts';
import { bearAnew } from './bear-anew.ts';
import { keepLocal } from './keep-local.ts';
import { inTransaction } from '../../postgres/transaction.ts';

/** How an operator settles a conflict: with one of its two images, or with values of their own. */
export type Keep =
  { image: 'local' } | { image: 'remote' } | { values: Readonly<Record<string, unknown>> };

interface Row {
  entity: string;
  key: Record<string, unknown>;
  local_row: Record<string, unknown> | null;
  remote_row: Record<string, unknown> | null;
  status: string;
}

/**
 * Settles one conflict. What it writes is a local write: it is stamped after everything that this site
 * knows, and every site follows. `local` keeps the row as it is now; `remote` writes the other image
 * (also when it lost); values are written over the row as it is now.
 *
 * @throws AppError CONFLICT_UNKNOWN, CONFLICT_IMAGE, CONFLICT_VALUES; the database's error when a
 *   constraint forbids the row, and then nothing is changed
 */
export async function settleConflict(client: Client, id: number, keep: Keep): Promise<void> {
  await inTransaction(client, async () => {
    const { rows } = await client.query<Row>(
      'SELECT entity, key, local_row, remote_row, status FROM crp.conflict WHERE id = $1 FOR UPDATE',
      [id],
    );
    const [conflict] = rows;
    if (conflict === undefined) {
      throw new AppError('CONFLICT_UNKNOWN', `There is no conflict ${id}`, {
        hint: 'syncline conflicts lists them',
      });
    }
    const entity = await entityNamed(client, conflict.entity);
    if ('values' in keep) await writeValues(client, entity, conflict, keep.values);
    else if (keep.image === 'remote') await writeImage(client, entity, conflict);
    else await keepLocal(client, entity, conflict.key);
    await client.query(
      `UPDATE crp.conflict SET status = 'resolved', winner = $2, reason = reason || $3 WHERE id = $1`,
      [
        ...[id, 'values' in keep ? 'values' : keep.image],
        `; settled by an operator on ${new Date().toISOString()}`,
      ],
    );
  });
}

async function entityNamed(client: Client, name: string): Promise<Entity> {
  const models = await readModels(client);
  const entity = models.flatMap(({ ir }) => ir.entities).find((one) => one.name === name);
  if (entity !== undefined) return entity;
  throw new AppError('CONFLICT_UNKNOWN', `No installed model has the entity "${name}"`, {
    hint: 'The conflict is of a model that was removed',
  });
}

async function writeImage(client: Client, entity: Entity, conflict: Row): Promise<void> {
  const image = conflict.remote_row;
  const columns = entity.columns.map((column) => column.name);
  if (image === null || !columns.some((name) => name in image && !entity.key.includes(name))) {
    throw new AppError('CONFLICT_IMAGE', 'The other side of this conflict has no row', {
      hint: `It was a delete: DELETE FROM ${tableOf(entity)} does the same`,
    });
  }
  const omitted = columns.find((name) => typeof image[name] === 'object' && image[name] !== null);
  if (omitted !== undefined) {
    const secret = entity.columns.some(({ name, secret: is }) => name === omitted && is === true);
    const why = secret ? 'is a secret, which is not recorded' : 'was too long to be recorded';
    throw new AppError('CONFLICT_IMAGE', `The value of "${omitted}" ${why}`, {
      hint: 'Read it at the other site and settle with --values',
    });
  }
  await bearAnew(client, entity, conflict.key);
  const present = columns.filter((name) => name in image);
  await upsert(client, entity, image, present);
}

async function writeValues(
  client: Client,
  entity: Entity,
  conflict: Row,
  values: Readonly<Record<string, unknown>>,
): Promise<void> {
  const columns = entity.columns.map((column) => column.name);
  const unknown = Object.keys(values).find((name) => !columns.includes(name));
  if (unknown !== undefined || Object.keys(values).length === 0) {
    throw new AppError(
      'CONFLICT_VALUES',
      `"${unknown ?? ''}" is not a column of "${entity.name}"`,
      {
        hint: `The columns are ${columns.join(', ')}`,
      },
    );
  }
  // Of a parked key the row that waits: the other image may be of the row that is in its way.
  const { status, local_row: local, remote_row: remote } = conflict;
  const shown = status === 'parked' ? (remote ?? local) : (local ?? remote);
  const recorded = Object.entries(shown ?? {});
  // What was not recorded, being long or a secret, keeps its value.
  const known = recorded.filter(([, value]) => typeof value !== 'object' || value === null);
  const image = { ...Object.fromEntries(known), ...conflict.key, ...values };
  const present = columns.filter((name) => name in image);
  const isAnew = await bearAnew(client, entity, conflict.key);
  await upsert(client, entity, image, present, isAnew ? present : Object.keys(values));
}

/**
 * Writes the row by its primary key. `jsonb_populate_record` reads the text form of every type, as it was
 * recorded; columns that the image does not have keep their value, or get their default.
 */
async function upsert(
  client: Client,
  entity: Entity,
  image: object,
  columns: readonly string[],
  changed: readonly string[] = columns,
): Promise<void> {
  const table = tableOf(entity);
  const data = changed.filter((name) => !entity.key.includes(name));
  const set = data.map((name) => `${ident(name)} = excluded.${ident(name)}`).join(', ');
  await client.query(
    `INSERT INTO ${table} (${columnList(columns)}) ` +
      `SELECT ${columnList(columns)} FROM jsonb_populate_record(NULL::${table}, $1::jsonb) ` +
      `ON CONFLICT (${columnList(entity.key)}) DO ${set === '' ? 'NOTHING' : `UPDATE SET ${set}`}`,
    [JSON.stringify(image)],
  );
}
