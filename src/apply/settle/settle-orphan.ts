import type { Client } from 'pg';
import { derivedStamp } from '../../merge/claims.ts';
import { valueColumns } from '../../merge/policy.ts';
import { greatest } from '../../merge/stamps.ts';
import type { RowVersion, Tombstone } from '../../merge/types.ts';
import { childrenWithoutParent } from '../../sql/ddl/orphan-sql.ts';
import type { Bond } from '../../sql/ddl/orphan-sql.ts';
import { isKey } from '../../sql/ddl/waiting-ddl.ts';
import { recordConflicts } from '../rows/conflict-log.ts';
import { deleteRow, placeRow, writeTombstone } from '../slow/exchange.ts';
import { Orphans } from '../slow/orphans.ts';
import type { RowCodec } from '../rows/row-codec.ts';
import { codecFor, readPhysical } from './settling.ts';
import type { Settling } from './settling.ts';
import { texts, Waiting } from '../slow/waiting.ts';
import type { Image } from '../slow/waiting.ts';
import { takeOut, wholeStateOf } from './whole-state.ts';

/** A row of `crp.orphan`. */
export interface OrphanNote {
  entity: string;
  reference: string;
  key: Image;
  parent_row: Image | null;
  /** Stamp of the parent's delete, as text. */
  deleted: string | null;
}

const NOTE = `entity = $1 AND reference = $2 AND ${isKey('key', '$3::jsonb')}`;
const FORGET = `DELETE FROM crp.orphan WHERE ${NOTE}`;
const LATER = `UPDATE crp.orphan SET tried_at = clock_timestamp() WHERE ${NOTE}`;

/**
 * Does what the model says of a row that lost the target of a reference. All but `park` are changes derived
 * from the row or from the delete alone, so every site that makes them makes the same.
 *
 * @returns false where it has to be tried again
 * @throws the database's error; nothing is changed then
 */
export async function settleOrphan(settling: Settling, note: OrphanNote): Promise<boolean> {
  const entity = settling.entity(note.entity);
  const bond =
    entity &&
    new Orphans(settling.local, settling.options.models)
      .bondsOf(entity)
      .find(({ reference }) => reference.name === note.reference);
  // What waits is not captured: it is this site's way to keep what others wrote.
  const client = bond?.reference.onOrphan === 'park' ? settling.remote : settling.local;
  return settling.transaction(client, async () => {
    const done = bond === undefined || (await settle(settling, client, { note, bond }));
    await client.query(done ? FORGET : LATER, [
      ...[note.entity, note.reference, JSON.stringify(note.key)],
    ]);
    return done;
  });
}

/** False where it has to be tried again. */
async function settle(
  settling: Settling,
  client: Client,
  { note, bond }: { note: OrphanNote; bond: Bond },
): Promise<boolean> {
  const target = await settling.target(bond.child);
  const codec = codecFor(target);
  const physical = await readPhysical(client, codec, note.key);
  const { row } = physical.state;
  if (row === undefined || !(await isOrphan(client, bond, note.key))) return true;
  const own = physical.texts!;
  const { columns } = codec.shape;
  const orphans = new Orphans(client, settling.options.models);
  switch (bond.reference.onOrphan) {
    case 'set null': {
      const next = cleared(bond, row);
      const written = codec.texts(next, own);
      if ((await placeRow(client, codec, { row: written, present: true })) !== undefined)
        return false;
      break;
    }
    case 'delete':
      await deleteDerived(client, codec, { key: own, row });
      await orphans.noteKey(
        bond.child,
        bond.child.key.map((name) => note.key[name] ?? null),
        'deleted',
      );
      break;
    case 'restore':
      if (!(await restore(settling, client, { note, bond }))) return false;
      break;
    case 'park': {
      // What waits already may be more than the form of it that is in the table.
      const waiting = new Waiting(client);
      const known = (await waiting.read(bond.child, [note.key])).get(0);
      const parts = { codec, key: note.key, physical: physical.state };
      const state =
        known && (await wholeStateOf(client, target, { ...parts, waiting: known })).state;
      await takeOut(settling, client, { target, codec, row: own });
      const reason = `its "${bond.parent.name}" was deleted`;
      const whole = codec.texts(state?.row ?? row, own);
      const parking = { entity: bond.child, columns, row: whole, base: undefined, reason };
      await waiting.park({ ...parking, type: 'orphan', method: 'park' }, settling.options.site);
      return true;
    }
    default:
      return true;
  }
  await recordConflicts(client, [orphanEntry(bond, columns, { own, row })], settling.options.site);
  return true;
}

function orphanEntry(
  { child, parent, reference }: Bond,
  columns: ReturnType<typeof codecFor>['shape']['columns'],
  { own, row }: { own: (string | null)[]; row: RowVersion },
): Parameters<typeof recordConflicts>[1][number] {
  const method = reference.onOrphan!.replace(' ', '-');
  return {
    ...{ entity: child, columns, local: own, remote: undefined, status: 'resolved' },
    conflict: {
      ...{ type: 'orphan', method, winner: method === 'restore' ? 'local' : 'remote' },
      ...{ localStamp: row.birth, remoteStamp: 0n },
      reason: `its "${parent.name}" was deleted without knowledge of the row`,
    },
  };
}

async function isOrphan(client: Client, bond: Bond, key: Image): Promise<boolean> {
  const values = bond.child.key.map((name) => [key[name]]);
  const { rowCount } = await client.query(childrenWithoutParent(bond), values);
  return rowCount !== 0;
}

/** The row without its reference; each group that has a column of it gets the stamp that follows. */
function cleared({ child, reference }: Bond, row: RowVersion): RowVersion {
  const next = { birth: row.birth, stamps: [...row.stamps], values: [...row.values] };
  const names = reference.columns.filter((name) => !child.key.includes(name));
  const places = valueColumns(child).map(({ name }) => name);
  for (const name of names) next.values[places.indexOf(name)] = null;
  for (const [group, { columns }] of child.groups.entries()) {
    if (columns.some((name) => names.includes(name))) {
      next.stamps[group] = derivedStamp(row.stamps[group]!);
    }
  }
  return next;
}

/** Deletes the row with the stamp that follows from its last change. */
async function deleteDerived(
  client: Client,
  codec: RowCodec,
  { key, row }: { key: readonly (string | null)[]; row: RowVersion },
): Promise<void> {
  const last = greatest([row.birth, ...row.stamps]);
  const tombstone: Tombstone = { birth: row.birth, stamp: derivedStamp(last) };
  await writeTombstone(client, codec, { key, tombstone });
  await deleteRow(client, codec, key);
}

/**
 * Inserts the parent again, as its delete found it, born right after the delete. A site that does not have the
 * deleted row (the one that deleted it) waits for one that has.
 */
async function restore(
  settling: Settling,
  client: Client,
  { note, bond }: { note: OrphanNote; bond: Bond },
): Promise<boolean> {
  if (note.parent_row === null || note.deleted === null) return false;
  const { parent } = bond;
  const codec = codecFor(await settling.target(parent), note.parent_row);
  const physical = await readPhysical(client, codec, note.parent_row);
  if (physical.state.row !== undefined) return true;
  const image = texts(codec.shape.columns, note.parent_row);
  const old = codec.version(image);
  const born = derivedStamp(BigInt(note.deleted));
  const dead = physical.state.tombstone?.birth ?? 0n;
  if (born <= dead) return false;
  const row = { birth: born, stamps: old.stamps.map(() => born), values: old.values };
  const written = codec.texts(row, image);
  if ((await placeRow(client, codec, { row: written, present: false })) !== undefined) return false;
  const key = parent.key.map((name) => note.parent_row?.[name] ?? null);
  await new Orphans(client, settling.options.models).noteKey(parent, key, 'written');
  return true;
}
