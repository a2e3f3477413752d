import type { Client } from 'pg';
import type { RowCodec } from '../apply/row-codec.ts';
import type { Tombstone } from '../merge/types.ts';
import { slowDelete, slowInsert, slowTombstone, slowUpdate } from '../sql/apply-slow.ts';
import type { MergedState } from './merge-states.ts';
import { sameRow } from './state.ts';
import type { Key, SiteState } from './state.ts';

/** Writes one row and its tombstone, in the caller's transaction, with stamps as they are. */
export class MendWriter {
  readonly codec: RowCodec;
  readonly #client: Client;

  constructor(client: Client, codec: RowCodec) {
    this.#client = client;
    this.codec = codec;
  }

  /** `changed`: the key came into being since it was read; nothing may be kept of what was written. */
  async write(
    key: Key,
    { state, merged }: { state: SiteState; merged: MergedState },
  ): Promise<'mended' | 'unchanged' | 'changed'> {
    const { codec } = this;
    const texts = keyTexts(codec, key);
    const { row, tombstone } = merged;
    if (sameRow(state, row === undefined ? { site: 0 } : { site: 0, row })) return 'unchanged';
    if (tombstone !== undefined && !sameTombstone(state.tombstone, tombstone)) {
      const { birth, stamp } = tombstone;
      await this.#run(slowTombstone(codec.shape), [...codec.key(texts), `${birth}`, `${stamp}`]);
    }
    if (row === undefined) await this.#run(slowDelete(codec.shape), codec.key(texts));
    else {
      const statement = state.row === undefined ? slowInsert(codec.shape) : slowUpdate(codec.shape);
      if (!(await this.#run(statement, codec.texts(row, texts)))) return 'changed';
    }
    return 'mended';
  }

  /** Runs a statement whose parameters are one-element arrays. */
  async #run(text: string, values: readonly (string | null)[]): Promise<boolean> {
    const result = await this.#client.query(
      text,
      values.map((value) => [value]),
    );
    return result.rowCount === 1;
  }
}

/** The shape's columns with the key's values; the others NULL. */
export function keyTexts({ shape }: RowCodec, key: Key): (string | null)[] {
  return shape.columns.map(({ name }) => key[shape.entity.key.indexOf(name)] ?? null);
}

function sameTombstone(one: Tombstone | undefined, other: Tombstone): boolean {
  return one?.birth === other.birth && one.stamp === other.stamp;
}
