import type { Client } from 'pg';
import type { KeyState, MergeResult } from '../merge/types.ts';
import { slowDelete, slowInsert, slowUpdate } from '../sql/apply-slow.ts';
import { deleteRow, exchange, runOne, writeTombstone } from './exchange.ts';
import type { Exchanged } from './exchange.ts';
import { isClash, isIntegrityViolation, violationOf } from './integrity.ts';
import type { Violation } from './integrity.ts';
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
  /** Rows that a constraint of the target forbids, with what it said. */
  parked: Map<SlowRow, Violation>;
}

/** Tries to write rows that are in each other's way together. */
const SWAPS = 8;

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
        written.parked.set(entry.row, violationOf(error));
      }
    }
    await this.#swap(codec, merged, written);
    for (const entry of merged) if (written.parked.has(entry.row)) await this.#bury(codec, entry);
    return written;
  }

  /**
   * Rows that exchange unique values: each alone is in the way of another one. All leave the table, then all
   * come back. Who still cannot is left out, and the rest tried again.
   */
  async #swap(codec: RowCodec, merged: readonly Merged[], written: Written): Promise<void> {
    let left = merged.filter(({ row }) => isClash(written.parked.get(row) ?? NO_VIOLATION));
    for (let time = 0; time < SWAPS && left.length > 1; time++) {
      const failed = await exchange(this.#client, codec, left.map(exchanged(codec)));
      if (failed === undefined) {
        for (const { row } of left) written.parked.delete(row);
        return;
      }
      left = left.toSpliced(failed, 1);
    }
  }

  /** A row that is parked after its key was deleted: what the tombstone is of must not stay. */
  async #bury(codec: RowCodec, entry: Merged): Promise<void> {
    const { tombstone } = entry.result.state;
    if (tombstone === undefined) return;
    const { key } = entry.row;
    if (tombstone !== entry.before.tombstone) {
      await writeTombstone(this.#client, codec, { key, tombstone });
    }
    const old = entry.before.row;
    if (old === undefined || old.birth > tombstone.birth) return;
    await deleteRow(this.#client, codec, key);
    delete entry.before.row;
  }

  /** False if the key came into being meanwhile. */
  async #writeOne(codec: RowCodec, entry: Merged): Promise<boolean> {
    const { row: next, tombstone } = entry.result.state;
    const { key } = entry.row;
    const current = entry.before.row;
    if (tombstone !== entry.before.tombstone && tombstone !== undefined) {
      await writeTombstone(this.#client, codec, { key, tombstone });
    }
    if (next === current) return true;
    if (next === undefined) return runOne(this.#client, slowDelete(codec.shape), codec.key(key));
    const texts = codec.texts(next, key);
    const text = current === undefined ? slowInsert(codec.shape) : slowUpdate(codec.shape);
    return runOne(this.#client, text, texts);
  }
}

const NO_VIOLATION: Violation = { code: '', message: '' };

function exchanged(codec: RowCodec): (entry: Merged) => Exchanged {
  return ({ row: { key }, before, result: { state } }) => ({
    ...{ key, present: before.row !== undefined, tombstone: state.tombstone },
    next: state.row && codec.texts(state.row, key),
  });
}

/** Merge returns the same objects where it changed nothing. */
function changesAnything(entry: Merged): boolean {
  const { row, tombstone } = entry.result.state;
  return row !== entry.before.row || tombstone !== entry.before.tombstone;
}
