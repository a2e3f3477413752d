import type { Client } from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { ident } from '../../model/ir/names.ts';
import { slowLock, slowRead, slowTableDdl } from '../../sql/apply/apply-slow.ts';
import { stageCopy } from '../../sql/apply/staging.ts';
import type { NetRow, TupleRef } from '../fold/fold.ts';
import type { EntityPlan } from '../rows/relation.ts';
import { TEXT_TYPES } from '../rows/arrays.ts';
import { byKey } from '../rows/by-key.ts';
import { CopySink } from '../rows/field-sinks.ts';
import { FIELD_UNCHANGED, newFields, readTuple } from '../rows/tuple.ts';

/** A change and its target in PostgreSQL's text form, one value a column of the plan's whole. */
export interface SlowRow {
  net: NetRow;
  /** The columns of some tuple of the key; of a row that was inserted and deleted again, what was inserted. */
  key: (string | null)[];
  before: (string | null)[] | undefined;
  after: (string | null)[] | undefined;
  current: (string | null)[] | undefined;
  tombstone: { birth: bigint; stamp: bigint } | undefined;
}

/** The staging table of the slow path for a plan. */
export function slowTableName(plan: EntityPlan): string {
  return `crp_slow_${plan.id}`;
}

/**
 * Reads what the slow path needs: PostgreSQL itself turns the binary images into text, next to the
 * target's current row, which is locked in key order, and its tombstone. One a session: all who read
 * changes of a plan share its table.
 */
export class SlowTable {
  readonly #client: Client;
  /** Those that surely exist. */
  readonly #tables = new Set<string>();

  constructor(client: Client) {
    this.#client = client;
  }

  /** A transaction was rolled back: tables that it made are gone. */
  forgetTables(): void {
    this.#tables.clear();
  }

  async read(plan: EntityPlan, rows: readonly NetRow[]): Promise<SlowRow[]> {
    const name = slowTableName(plan);
    if (!this.#tables.has(name)) {
      await this.#client.query(slowTableDdl(plan.shape, name));
      this.#tables.add(name);
    } else {
      await this.#client.query(`DELETE FROM pg_temp.${ident(name)}`);
    }
    await this.#copy(name, plan, rows);
    return this.readAgain(plan, rows);
  }

  /** As `read` of the changes that it staged last, as the target is now. */
  async readAgain(plan: EntityPlan, rows: readonly NetRow[]): Promise<SlowRow[]> {
    const name = slowTableName(plan);
    const text = slowRead(plan.shape, plan.whole, name);
    const result = await byKey(this.#client, rows.length, async () => {
      await this.#client.query(slowLock(plan.shape, name));
      return this.#client.query<(string | null)[]>({ text, rowMode: 'array', types: TEXT_TYPES });
    });
    return result.rows.map((values) => slowRow(plan, rows, values));
  }

  async #copy(name: string, plan: EntityPlan, rows: readonly NetRow[]): Promise<void> {
    const sink = new CopySink();
    const fields = { before: newFields(), after: newFields() };
    for (const [index, row] of rows.entries()) {
      sink.row(1 + 2 * plan.fieldOf.length);
      sink.int32(index);
      const first = row.before ?? (row.after === undefined ? row.key : undefined);
      if (first !== undefined) readTuple(first.bytes, first.offset, fields.before);
      if (row.after !== undefined) readTuple(row.after.bytes, row.after.offset, fields.after);
      for (const field of plan.fieldOf) {
        emit(sink, first, fields.before, field);
        const unchanged = fields.after[2 * field + 1] === FIELD_UNCHANGED;
        if (row.after !== undefined && unchanged) emit(sink, row.before, fields.before, field);
        else emit(sink, row.after, fields.after, field);
      }
    }
    const stream = this.#client.query(copyFrom(stageCopy(name)));
    const done = new Promise<void>((resolve, reject) => {
      stream.once('finish', resolve);
      stream.once('error', reject);
    });
    for (const chunk of sink.end()) stream.write(chunk);
    stream.end();
    await done;
  }
}

function emit(
  sink: CopySink,
  tuple: TupleRef | undefined,
  fields: Int32Array,
  field: number,
): void {
  if (tuple === undefined) sink.raw(Buffer.alloc(0), 0, -1);
  else sink.raw(tuple.bytes, fields[2 * field]!, fields[2 * field + 1]!);
}

/** Splits one result row of `slowRead`. */
function slowRow(
  plan: EntityPlan,
  rows: readonly NetRow[],
  values: readonly (string | null)[],
): SlowRow {
  const width = plan.whole.columns.length;
  const net = rows[Number(values[0])]!;
  const part = (index: number): (string | null)[] =>
    values.slice(1 + index * width, 1 + (index + 1) * width);
  const [found, birth, stamp] = values.slice(1 + 3 * width);
  return {
    net,
    key: net.after === undefined ? part(0) : part(1),
    before: net.before === undefined ? undefined : part(0),
    after: net.after === undefined ? undefined : part(1),
    current: found === 'true' ? part(2) : undefined,
    tombstone:
      birth === null || birth === undefined || stamp === null || stamp === undefined
        ? undefined
        : { birth: BigInt(birth), stamp: BigInt(stamp) },
  };
}
