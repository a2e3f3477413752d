import type { Client } from 'pg';
import { merge } from '../../merge/merge.ts';
import { policyOf } from '../../merge/policy.ts';
import type { Change, Conflict, KeyState, MergePolicy } from '../../merge/types.ts';
import type { Entity } from '../../model/ir/ir.ts';
import { recordConflicts } from '../rows/conflict-log.ts';
import type { ConflictEntry } from '../rows/conflict-log.ts';
import type { NetRow } from '../fold/fold.ts';
import type { Violation } from '../rows/integrity.ts';
import { unknownGroups } from '../rows/relation.ts';
import type { EntityPlan } from '../rows/relation.ts';
import { RowCodec } from '../rows/row-codec.ts';
import type { SlowRow, SlowTable } from './slow-table.ts';
import { SlowWriter } from './slow-writer.ts';
import type { Merged } from './slow-writer.ts';
import { keyImage, logicalState, Waiting } from './waiting.ts';
import type { Image } from './waiting.ts';

/** Rows that one pass reads, merges and writes; bounds memory and the time that locks are held. */
const PASS = 2_000;
/** Passes over rows whose key came into being between our read and our write. */
const MAX_PASSES = 10;

export interface SlowPathContext {
  origin: { number: number; name: string };
}

/** `key`: of a row that waits. */
interface MergedRow extends Merged {
  key: Image | undefined;
}

export interface SlowOutcome {
  conflicts: number;
  parked: number;
}

/**
 * The row-wise path of apply: reads what the target has, calls merge, writes what it says and records
 * the conflicts, all in the caller's transaction.
 */
export class SlowPath {
  readonly #client: Client;
  readonly #context: SlowPathContext;
  readonly #table: SlowTable;
  readonly #writer: SlowWriter;
  readonly #waiting: Waiting;
  readonly #policies = new Map<Entity, MergePolicy>();

  constructor(client: Client, context: SlowPathContext, table: SlowTable) {
    this.#client = client;
    this.#context = context;
    this.#table = table;
    this.#writer = new SlowWriter(client);
    this.#waiting = new Waiting(client);
  }

  /** @throws the database's error; nothing is left out */
  async resolve(plan: EntityPlan, rows: readonly NetRow[]): Promise<SlowOutcome> {
    const outcome: SlowOutcome = { conflicts: 0, parked: 0 };
    for (let at = 0; at < rows.length; at += PASS) {
      let left: readonly NetRow[] = rows.slice(at, at + PASS);
      for (let pass = 0; left.length > 0; pass++) {
        if (pass === MAX_PASSES)
          throw new Error(
            `keys of "${plan.shape.entity.name}" keep changing, or a trigger that fires always skips rows`,
          );
        left = await this.#pass(plan, left, outcome);
      }
    }
    return outcome;
  }

  async #pass(plan: EntityPlan, rows: readonly NetRow[], outcome: SlowOutcome): Promise<NetRow[]> {
    // What the origin does not know of a row that waits, or is written anew, must not be lost with it.
    const codec = new RowCodec(plan.whole);
    const policy = this.#policy(plan.whole.entity);
    const unknown = unknownGroups(plan);
    const { entity, columns } = plan.whole;
    const found = await this.#table.read(plan, rows);
    const keys = found.map((row) => keyImage(entity, columns, row.key));
    const waiting = await this.#waiting.read(entity, keys);
    // A row that was not in the table and that waited may have been let in before what waits was locked.
    const mayHaveComeIn = found.some(
      ({ current }, at) => current === undefined && !waiting.has(at),
    );
    const again = mayHaveComeIn ? await this.#table.readAgain(plan, rows) : found;
    const now = new Map(again.map((row) => [row.net, row]));
    const read = found.map(({ net }) => now.get(net)!);
    const merged = read.map((row, index) => {
      const before = stateOf(codec, row);
      const parked = waiting.get(index);
      const known =
        parked === undefined
          ? { state: before, conflicts: [] }
          : logicalState(codec, policy, { waiting: parked, physical: before });
      const { state, conflicts } = merge(policy, known.state, changeOf(codec, row, unknown));
      const result = { state, conflicts: [...known.conflicts, ...conflicts] };
      return { row, before, result, key: parked && keys[index]! };
    });
    const written = await this.#writer.write(codec, merged);
    const done = merged.filter((entry) => !written.again.has(entry.row));
    const entries = done.flatMap((entry) =>
      entry.result.conflicts.map((conflict) => conflictEntry(plan, entry.row, conflict)),
    );
    await recordConflicts(this.#client, entries, this.#context.origin);
    for (const entry of done) await this.#park(codec, entry, written.parked.get(entry.row));
    outcome.conflicts += entries.length + written.parked.size;
    outcome.parked += written.parked.size;
    return [...written.again].map((row) => row.net);
  }

  async #park(codec: RowCodec, entry: MergedRow, violation: Violation | undefined): Promise<void> {
    const { row, before, result, key } = entry;
    const merged = result.state.row;
    await this.#waiting.applied(
      {
        ...{ entity: codec.shape.entity, columns: codec.shape.columns, violation, key },
        row: merged && codec.texts(merged, row.key),
        base: before.row && codec.texts(before.row, row.key),
      },
      this.#context.origin,
    );
  }

  #policy(entity: Entity): MergePolicy {
    let policy = this.#policies.get(entity);
    if (policy === undefined) {
      policy = policyOf(entity);
      this.#policies.set(entity, policy);
    }
    return policy;
  }
}

function stateOf(codec: RowCodec, row: SlowRow): KeyState {
  const state: KeyState = {};
  if (row.current !== undefined) state.row = codec.version(row.current);
  if (row.tombstone !== undefined) state.tombstone = row.tombstone;
  return state;
}

function changeOf(codec: RowCodec, row: SlowRow, unknown: ReadonlySet<number>): Change {
  const change: Change = { unknown };
  if (row.before !== undefined) change.before = codec.version(row.before);
  if (row.after !== undefined) change.after = codec.version(row.after);
  if (row.net.deleted !== undefined) change.deleted = row.net.deleted;
  return change;
}

function conflictEntry(plan: EntityPlan, row: SlowRow, conflict: Conflict): ConflictEntry {
  // Of what the origin does not know nothing is recorded: an operator who keeps its row keeps that as it is.
  const { entity, columns } = plan.shape;
  const remote = row.after ?? row.before ?? row.key;
  return { entity, columns, conflict, local: row.current, remote, status: 'resolved' };
}
