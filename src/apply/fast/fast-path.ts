import type { Client, QueryResult } from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import type { FastStatements } from '../../sql/apply/apply-fast.ts';
import { ident } from '../../model/ir/names.ts';
import { isDeadDdl } from '../../sql/apply/apply-quick.ts';
import { stageCopy, stageTableDdl } from '../../sql/apply/staging.ts';
import { byKey } from '../rows/by-key.ts';
import { ArraySink, CopySink } from '../rows/field-sinks.ts';
import type { EntityNet } from '../fold/entity-net.ts';
import { isIntegrityViolation } from '../rows/integrity.ts';
import type { NetRow, NetRows, StageOp } from '../rows/net-rows.ts';
import { keepsHistory } from '../rows/relation.ts';
import type { EntityPlan } from '../rows/relation.ts';
import { PlanStatements } from './plan-statements.ts';
import type { StageEncoder } from './stage-writer.ts';

/** Up to so many rows go as array parameters: below it a COPY's round trips cost more than they save. */
export const SMALL = 200;
/** Rows encoded between two looks at the socket. */
const COPY_SLICE = 1000;

/** Ordinals `lo..hi` of the rows given to `take`, inclusive. */
export interface Range {
  lo: number;
  hi: number;
}

/**
 * The set-based path of apply in one session. It takes every change whose target is as the origin saw
 * it, at the cost of one statement an entity and kind, and returns the others.
 */
export class FastPath {
  readonly #client: Client;
  readonly #plans = new Map<number, PlanStatements>();

  constructor(client: Client) {
    this.#client = client;
  }

  /**
   * Applies net rows inside the caller's transaction.
   *
   * @returns the rows that were not taken; merge decides about them
   * @throws the database's error; integrity violations (class 23) mean that some row cannot be written
   */
  async take(net: EntityNet): Promise<NetRow[]> {
    const plan = this.#plan(net.plan);
    const { rows } = net;
    if (rows.size <= SMALL && plan.unnest) return this.#takeSmall(plan, rows);
    await this.stage(net);
    return this.takeStaged(net.plan, rows);
  }

  /**
   * Encodes net rows that `take` will copy, while the session is busy with others: else the server would wait for it.
   * The connection is not used.
   */
  prepare(net: EntityNet): void {
    const { encoder, unnest } = this.#plan(net.plan);
    if (keepsHistory(net.plan) || (net.rows.size <= SMALL && unnest)) return;
    net.copy ??= [...encodeRows(encoder, net.rows)].flat();
  }

  /** A transaction was committed: the staging tables are empty (ON COMMIT DELETE ROWS). */
  forgetStaged(): void {
    for (const plan of this.#plans.values()) plan.staged = undefined;
  }

  /** A transaction was rolled back: staging tables that it made are gone. */
  forgetTables(): void {
    for (const plan of this.#plans.values()) {
      plan.staging = false;
      plan.staged = undefined;
    }
  }

  /** Tries the single-statement path. False if it does not apply or a change was not taken. */
  async takeQuickly(
    net: EntityNet,
    progress: { origin: number; position: bigint },
  ): Promise<boolean> {
    const plan = this.#plan(net.plan);
    if (net.rows.size > SMALL || !plan.unnest) return false;
    const { rows } = net;
    const op = rows.op(0);
    if (op !== 'I' && op !== 'U') return false;
    for (let index = 1; index < rows.size; index++) if (rows.op(index) !== op) return false;
    if (op === 'I' && !plan.knowsDead) {
      await this.#client.query(isDeadDdl(net.plan.shape, plan.isDead));
      plan.knowsDead = true;
    }
    const text = plan.quick[op];
    const values = [...this.#arrays(plan, rows), rows.size, progress.position, progress.origin];
    try {
      await this.#client.query({ name: `${plan.table}_q${op}`, text, values });
      return true;
    } catch (error) {
      if (isNotTaken(error)) return false;
      throw error;
    }
  }

  /** Copies net rows into the plan's staging table, with their index as ordinal, unless they are there. */
  async stage(net: EntityNet): Promise<void> {
    const plan = this.#plan(net.plan);
    if (plan.staged === net) return;
    if (!plan.staging) {
      await this.#client.query(stageTableDdl(net.plan.shape, plan.table));
      plan.staging = true;
    } else if (plan.staged !== undefined) {
      // Ordinals of an earlier piece of the same transaction would be taken for those of this one.
      await this.#client.query(`TRUNCATE pg_temp.${ident(plan.table)}`);
    }
    plan.staged = net;
    const stream = this.#client.query(copyFrom(stageCopy(plan.table)));
    const done = new Promise<void>((resolve, reject) => {
      stream.once('finish', resolve);
      stream.once('error', reject);
    });
    for (const chunks of net.copy === undefined ? encodeRows(plan.encoder, net.rows) : [net.copy]) {
      const ready = chunks.map((chunk) => stream.write(chunk));
      if (ready.includes(false)) {
        await Promise.race([new Promise((resolve) => stream.once('drain', resolve)), done]);
      }
    }
    stream.end();
    await done;
  }

  /** Takes what is staged; with a range only those ordinals. */
  async takeStaged(entityPlan: EntityPlan, rows: NetRows, range?: Range): Promise<NetRow[]> {
    const plan = this.#plan(entityPlan);
    const statements = range === undefined ? plan.all : plan.ranged;
    const values = range === undefined ? [] : [range.lo, range.hi];
    const { lo, hi } = range ?? { lo: 0, hi: rows.size - 1 };
    const work = { rows, lo, hi, values, name: undefined };
    return byKey(this.#client, hi - lo + 1, () => this.#run(statements, work));
  }

  async #takeSmall(plan: PlanStatements, rows: NetRows): Promise<NetRow[]> {
    const values = this.#arrays(plan, rows);
    const [lo, hi] = [0, rows.size - 1];
    return this.#run(plan.small, { rows, lo, hi, values, name: `${plan.table}_a` });
  }

  #arrays(plan: PlanStatements, rows: NetRows): Buffer[] {
    const sink = new ArraySink(plan.oids);
    for (let index = 0; index < rows.size; index++) {
      const op = rows.op(index);
      if (op !== undefined) plan.encoder.encode(sink, rows, { index, op });
    }
    return sink.params();
  }

  /** Deletes first, so that the unique values that they free can be taken by updates and inserts. */
  async #run(statements: FastStatements, work: Work): Promise<NetRow[]> {
    const { counts, left } = sortOut(work);
    const steps: [StageOp, string, string][] = [
      ['D', statements.remove, statements.leftDeletes],
      ['U', statements.update, statements.leftUpdates],
      ['I', statements.insert, statements.leftInserts],
    ];
    for (const [op, take, find] of steps) {
      if (counts[op] === 0) continue;
      let taken = (await this.#query(take, `_${op}`, work)).rowCount ?? 0;
      if (op === 'I' && taken > 0) {
        taken -= (await this.#query(statements.takeBack, '_b', work)).rowCount ?? 0;
      }
      if (taken === counts[op]) continue;
      const found = await this.#query(find, `_l${op}`, work);
      left.push(...found.rows.map((row) => work.rows.row(row[0]!)));
    }
    return left;
  }

  #query(text: string, suffix: string, work: Work): Promise<QueryResult<number[]>> {
    const query = { text, values: work.values, rowMode: 'array' as const };
    if (work.name === undefined) return this.#client.query<number[]>(query);
    return this.#client.query<number[]>({ ...query, name: work.name + suffix });
  }

  #plan(entityPlan: EntityPlan): PlanStatements {
    let plan = this.#plans.get(entityPlan.id);
    if (plan === undefined) {
      plan = new PlanStatements(entityPlan);
      this.#plans.set(entityPlan.id, plan);
    }
    return plan;
  }
}

interface Work {
  /** This run is about those from `lo` to `hi`, inclusive. */
  rows: NetRows;
  lo: number;
  hi: number;
  values: unknown[];
  /**
   * Prefix of the prepared statements' names. Staged statements are not prepared: a plan made for a few
   * staged rows would be kept for a hundred thousand.
   */
  name: string | undefined;
}

/** How many rows of each kind there are, and those that only merge can take. */
function sortOut(work: Work): { counts: Record<StageOp, number>; left: NetRow[] } {
  const counts: Record<StageOp, number> = { I: 0, U: 0, D: 0 };
  const left: NetRow[] = [];
  for (let index = work.lo; index <= work.hi; index++) {
    const op = work.rows.op(index);
    if (op === undefined) left.push(work.rows.row(index));
    else counts[op] += 1;
  }
  return { counts, left };
}

/** Rows in COPY's binary format, some chunks at a time. */
function* encodeRows(encoder: StageEncoder, rows: NetRows): Generator<Buffer[]> {
  const sink = new CopySink();
  for (let index = 0; index < rows.size; index++) {
    const op = rows.op(index);
    if (op !== undefined) {
      sink.row(encoder.fieldCount);
      encoder.encode(sink, rows, { index, op });
    }
    if (index % COPY_SLICE === COPY_SLICE - 1) yield sink.take();
  }
  yield sink.end();
}

/** A constraint forbids a change; or `division_by_zero`, which the quick statement raises when it did not take all. */
function isNotTaken(error: unknown): boolean {
  const code = (error as { code?: unknown }).code;
  return code === '22012' || isIntegrityViolation(error);
}
