import type { Client } from 'pg';
import type { KeyState, MergeResult } from '../../merge/types.ts';
import { slowDelete, slowInsert, slowUpdate } from '../../sql/apply/apply-slow.ts';
import { runArrays } from '../rows/arrays.ts';
import { deleteRow, exchange, insertRows, runOne, tried, writeTombstone } from './exchange.ts';
import type { Exchanged } from './exchange.ts';
import { isClash, isIntegrityViolation, violationOf } from '../rows/integrity.ts';
import type { Violation } from '../rows/integrity.ts';
import type { RowCodec } from '../rows/row-codec.ts';
import type { SlowRow } from './slow-table.ts';

export interface Merged {
  row: SlowRow;
  before: KeyState;
  result: MergeResult;
}

export interface Written {
  /** Rows whose key was inserted by somebody else, and perhaps deleted, between our read and our write: merge them again. */
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
    await this.#pass(codec, merged.filter(isPassing), written);
    for (const entry of merged) {
      if (!changesAnything(entry) || written.again.has(entry.row)) continue;
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
   * Rows that their origin inserted and deleted again are inserted and deleted here too: the primary key makes us wait
   * for a local transaction that inserts the key and has not seen the tombstone, or that one wait for us. Else
   * its row would stand here only, if the clock of this site is behind that of the origin.
   */
  async #pass(codec: RowCodec, passing: readonly Merged[], written: Written): Promise<void> {
    if (passing.length === 0 || (await this.#passed(codec, passing)) === undefined) return;
    for (const entry of passing) {
      if ((await this.#passed(codec, [entry])) === 'raced') written.again.add(entry.row);
    }
  }

  /** @returns what forbids one of them; 'raced' when a key came into being meanwhile */
  #passed(codec: RowCodec, entries: readonly Merged[]): Promise<Violation | 'raced' | undefined> {
    const rows = entries.map(({ row }) => row.key);
    return tried(this.#client, async () => {
      if (!(await runArrays(this.#client, slowInsert(codec.shape), rows))) return 'raced';
      const keys = rows.map((row) => codec.key(row));
      await runArrays(this.#client, slowDelete(codec.shape), keys);
      return undefined;
    });
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

  /** False if the key came into being meanwhile, or came and went. */
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
    if (current === undefined) return insertRows(this.#client, codec, [texts]);
    return runOne(this.#client, slowUpdate(codec.shape), texts);
  }
}

const NO_VIOLATION: Violation = { code: '', message: '' };

function exchanged(codec: RowCodec): (entry: Merged) => Exchanged {
  return ({ row: { key }, before, result: { state } }) => ({
    ...{ key, present: before.row !== undefined, tombstone: state.tombstone },
    next: state.row && codec.texts(state.row, key),
  });
}

/** Whether its origin inserted the row and deleted it, and neither it nor another one stands here. */
function isPassing({ row, before, result }: Merged): boolean {
  const { net } = row;
  const passed = net.before === undefined && net.after === undefined && net.deleted !== undefined;
  return passed && before.row === undefined && result.state.row === undefined;
}

/** Merge returns the same objects where it changed nothing. */
function changesAnything(entry: Merged): boolean {
  const { row, tombstone } = entry.result.state;
  return row !== entry.before.row || tombstone !== entry.before.tombstone;
}
