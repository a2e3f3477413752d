import type { Client } from 'pg';
import { runArrays } from '../apply/rows/arrays.ts';
import { insertRows } from '../apply/slow/exchange.ts';
import type { RowCodec } from '../apply/rows/row-codec.ts';
import type { Tombstone } from '../merge/types.ts';
import { slowDelete, slowTombstone, slowUpdate } from '../sql/apply/apply-slow.ts';
import { historyForget } from '../sql/apply/history-apply.ts';
import type { MergedState } from './merge-states.ts';
import type { Key, SiteState } from './state.ts';

/** A key of this site, what is known of it here and elsewhere, and what must stand in the end. */
export interface Mend {
  key: Key;
  state: SiteState;
  others: readonly SiteState[];
  merged: MergedState;
}

type Texts = readonly (string | null)[];

/** Writes rows and tombstones of one entity, in the caller's transaction, with stamps as they are. */
export class MendWriter {
  readonly codec: RowCodec;
  readonly #client: Client;

  constructor(client: Client, codec: RowCodec) {
    this.#client = client;
    this.codec = codec;
  }

  /**
   * At most one statement a kind of change, by the primary keys.
   *
   * @returns false when a key came into being since it was read, or came and went: the caller undoes what was written
   * @throws the database's error; of class 23 when a constraint forbids one of the rows
   */
  async write(mends: readonly Mend[]): Promise<boolean> {
    const { codec } = this;
    const { shape } = codec;
    const keyOf = (mend: Mend): Texts => codec.key(keyTexts(codec, mend.key));
    const rowOf = (mend: Mend): Texts => codec.texts(mend.merged.row!, keyTexts(codec, mend.key));
    const living = mends.filter(({ merged }) => merged.row !== undefined);
    const deaths = mends.filter(({ state, merged }) => newTombstone(state, merged) !== undefined);
    const inserts = living.filter(({ state }) => state.row === undefined);
    const updates = living.filter(({ state }) => state.row !== undefined);
    const deletes = mends.filter(({ merged }) => merged.row === undefined);
    const tombstoneOf = (mend: Mend): Texts => {
      const { birth, stamp } = newTombstone(mend.state, mend.merged)!;
      return [...keyOf(mend), birth.toString(), stamp.toString()];
    };
    const done = [
      await runArrays(this.#client, slowTombstone(shape), deaths.map(tombstoneOf)),
      // Before the inserts: they may need a unique value that is given free.
      await runArrays(this.#client, slowDelete(shape), deletes.map(keyOf)),
      await runArrays(this.#client, slowUpdate(shape), updates.map(rowOf)),
      await insertRows(this.#client, codec, inserts.map(rowOf)),
    ];
    // What is recorded does not lead to the row that stands now; the next change begins from there.
    if (shape.entity.history !== undefined) {
      await runArrays(
        this.#client,
        historyForget(shape.entity),
        mends.map(({ key }) => key),
      );
    }
    return done.every(Boolean);
  }
}

/** The tombstone to write, if the site has not got it. */
function newTombstone(
  { tombstone: own }: SiteState,
  { tombstone }: MergedState,
): Tombstone | undefined {
  const same = own?.birth === tombstone?.birth && own?.stamp === tombstone?.stamp;
  return same ? undefined : tombstone;
}

/** The shape's columns with the key's values; the others NULL. */
export function keyTexts({ shape }: RowCodec, key: Key): (string | null)[] {
  return shape.columns.map(({ name }) => key[shape.entity.key.indexOf(name)] ?? null);
}
