import type { Client } from 'pg';
import type { KeyState, MergeResult, Tombstone } from '../merge/types.ts';
import { slowDelete, slowInsert, slowTombstone, slowUpdate } from '../sql/apply-slow.ts';
import { isIntegrityViolation } from './integrity.ts';
import type { RowCodec } from './row-codec.ts';
import type { SlowRow } from './slow-table.ts';

export interface Merged {
  row: SlowRow;
  before: KeyState;
  result: MergeResult;
}

export interface Written {
  /** Rows whose key was inserted by somebody else between our read and our write: merge them again. */
  again: Set<SlowRow>;
  /** Rows that a constraint of the target forbids, with the database's message. */
  parked: Map<SlowRow, string>;
}

/** Writes what merge decided, a row at a time: each stands or falls alone, under its own savepoint. */
export class SlowWriter {
  readonly #client: Client;

  constructor(client: Client) {
    this.#client = client;
  }

  async write(codec: RowCodec, merged: readonly Merged[]): Promise<Written> {
    const written: Written = { again: new Set(), parked: new Map() };
    for (const entry of merged) {
      if (!changesAnything(entry)) continue;
      await this.#client.query('SAVEPOINT crp_row');
      try {
        const done = await this.#writeOne(codec, entry);
        if (!done) written.again.add(entry.row);
        await this.#client.query(
          done
            ? 'RELEASE SAVEPOINT crp_row'
            : 'ROLLBACK TO SAVEPOINT crp_row; RELEASE SAVEPOINT crp_row',
        );
      } catch (error) {
        if (!isIntegrityViolation(error)) throw error;
        await this.#client.query('ROLLBACK TO SAVEPOINT crp_row; RELEASE SAVEPOINT crp_row');
        written.parked.set(entry.row, (error as Error).message);
      }
    }
    return written;
  }

  /** False if the key came into being meanwhile. */
  async #writeOne(codec: RowCodec, entry: Merged): Promise<boolean> {
    const { row: next, tombstone } = entry.result.state;
    const { key } = entry.row;
    const current = entry.before.row;
    if (tombstone !== entry.before.tombstone && tombstone !== undefined) {
      await this.#tombstone(codec, key, tombstone);
    }
    if (next === current) return true;
    if (next === undefined) return this.#run(slowDelete(codec.shape), codec.key(key));
    const texts = codec.texts(next, key);
    return this.#run(
      current === undefined ? slowInsert(codec.shape) : slowUpdate(codec.shape),
      texts,
    );
  }

  #tombstone(codec: RowCodec, key: (string | null)[], tombstone: Tombstone): Promise<boolean> {
    return this.#run(slowTombstone(codec.shape), [
      ...codec.key(key),
      tombstone.birth.toString(),
      tombstone.stamp.toString(),
    ]);
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

/** Merge returns the same objects where it changed nothing. */
function changesAnything(entry: Merged): boolean {
  const { row, tombstone } = entry.result.state;
  return row !== entry.before.row || tombstone !== entry.before.tombstone;
}
