import type { Client } from 'pg';
import { arrivalConflicts } from '../../merge/arrival.ts';
import type { Asking } from '../../merge/decide.ts';
import { withChange } from '../../merge/history.ts';
import { policyOf } from '../../merge/policy.ts';
import { replaySteps } from '../../merge/replay.ts';
import { stampOf } from '../../merge/stamps.ts';
import type {
  History,
  MergePolicy,
  Recorded,
  ReplayConflict,
  SiteNames,
} from '../../merge/types.ts';
import type { Entity } from '../../model/ir/ir.ts';
import { recordConflicts } from '../rows/conflict-log.ts';
import type { ConflictEntry } from '../rows/conflict-log.ts';
import type { NetRow } from '../fold/fold.ts';
import { FunctionCaller } from './function-caller.ts';
import { beginning, plainState, restored, unrecorded } from './history-plain.ts';
import type { Known } from './history-plain.ts';
import { HistoryTable } from './history-table.ts';
import type { KeyChanges, StoredHistory } from './history-table.ts';
import { HistoryWriter } from './history-writer.ts';
import type { KeyWrite } from './history-writer.ts';
import type { EntityPlan } from '../rows/relation.ts';
import type { Violation } from '../rows/integrity.ts';
import { RowCodec } from '../rows/row-codec.ts';
import type { SlowOutcome, SlowPathContext } from '../slow/slow-path.ts';
import type { SlowRow, SlowTable } from '../slow/slow-table.ts';
import { keyImage, Waiting } from '../slow/waiting.ts';
import type { Image } from '../slow/waiting.ts';

/** Changes that one pass reads, replays and writes; bounds memory and the time that locks are held. */
const PASS = 2_000;
/** Passes over keys that came into being between our read and our write. */
const MAX_PASSES = 10;

export interface HistoryContext extends SlowPathContext {
  names?: SiteNames;
}

/** A key with what has to be written and recorded. */
interface Decided extends KeyWrite {
  conflicts: ReplayConflict[];
  history: History;
  /** The key, of one that waits. */
  waits?: Image;
}

/**
 * The path of apply for entities that keep history: records each change, replays the history of its key and
 * writes the state that follows, all in the caller's transaction.
 */
export class HistoryPath {
  /** Whether what arrives may have been made with knowledge of what is lost for good. */
  restores = false;
  readonly #client: Client;
  readonly #context: HistoryContext;
  readonly #table: HistoryTable;
  readonly #writer: HistoryWriter;
  readonly #functions: FunctionCaller;
  readonly #waiting: Waiting;
  readonly #policies = new Map<string, MergePolicy>();

  constructor(client: Client, context: HistoryContext, table: SlowTable) {
    this.#client = client;
    this.#context = context;
    this.#table = new HistoryTable(client, table);
    this.#writer = new HistoryWriter(client);
    this.#functions = new FunctionCaller(client);
    this.#waiting = new Waiting(client);
  }

  /** Applies changes in their order. @throws the database's error; nothing is left out */
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
    const codec = new RowCodec(plan.shape);
    const keys = await this.#table.read(plan, codec, rows);
    const decided = await this.#decide(plan, rows, keys);
    const { again, forbidden } = await this.#writer.write(codec, decided);
    const done = decided.filter((one) => !again.has(one));
    const entries = done.flatMap((one) => conflictEntries(codec, one));
    await recordConflicts(this.#client, entries, this.#context.origin);
    for (const one of done) await this.#park(codec, one, forbidden.get(one));
    outcome.conflicts += entries.length + forbidden.size;
    outcome.parked += entries.filter(({ status }) => status === 'parked').length + forbidden.size;
    return [...again].flatMap((one) => one.key.rows.map((row) => row.net));
  }

  /** Only keys whose changes meet others need their history. */
  async #decide(
    plan: EntityPlan,
    rows: readonly NetRow[],
    keys: readonly KeyChanges[],
  ): Promise<Decided[]> {
    const plain = new Map(keys.map((key) => [key, plainly(key)]));
    const rest = keys.filter((key) => plain.get(key) === undefined);
    if (rest.length === 0) return keys.map((key) => plain.get(key)!);
    const { entity, columns } = plan.shape;
    const stored = await this.#table.histories(plan, rows, rest);
    const images = rest.map((key) => keyImage(entity, columns, key.rows[0]!.key));
    // What waits is replayed; a plain change of such a key leaves it to the settler, which replays all.
    const waiting = await this.#waiting.read(entity, images);
    const policy = this.#policy(entity);
    for (const [index, key] of rest.entries()) {
      const decided = await this.#functions.run(
        replayKey(policy, key, { stored: stored[index]!, restores: this.restores }),
      );
      plain.set(key, waiting.has(index) ? { ...decided, waits: images[index]! } : decided);
    }
    return keys.map((key) => plain.get(key)!);
  }

  async #park(codec: RowCodec, one: Decided, violation: Violation | undefined): Promise<void> {
    const { state, key, waits } = one;
    const [row] = key.rows as [SlowRow];
    const isOlder = key.state.row?.birth !== state.row?.birth;
    await this.#waiting.applied(
      {
        ...{ entity: codec.shape.entity, columns: codec.shape.columns, violation, key: waits },
        row: state.row && codec.texts(state.row, row.key),
        base: isOlder ? undefined : row.current,
      },
      this.#context.origin,
    );
  }

  #policy(entity: Entity): MergePolicy {
    let policy = this.#policies.get(entity.name);
    if (policy === undefined) {
      policy = policyOf(entity, this.#context.names);
      this.#policies.set(entity.name, policy);
    }
    return policy;
  }
}

/** The changes of a key with their stamps; updates that changed nothing are none. */
function recordedOf(key: KeyChanges): Recorded[] {
  return key.changes.flatMap((change) => {
    const stamp = stampOf(change);
    return stamp === undefined ? [] : [{ change, stamp }];
  });
}

/** The state after changes of which each found what is here; undefined if one did not. */
function plainly(key: KeyChanges): Decided | undefined {
  const recorded = recordedOf(key);
  let known: Known = key;
  for (const one of recorded) {
    const state = plainState(known, one);
    if (state === undefined) return undefined;
    known = { state, newest: one.stamp };
  }
  return { key, recorded, state: known.state, conflicts: [], history: { changes: recorded } };
}

function* replayKey(
  policy: MergePolicy,
  key: KeyChanges,
  { stored, restores }: { stored: StoredHistory; restores: boolean },
): Asking<Decided> {
  const made = recordedOf(key);
  const arrived = restores ? restored(made, { row: key.state.row, history: stored }) : made;
  const missing = restores ? beginning(key, stored, arrived[0]!) : unrecorded(key, arrived[0]!);
  const old = missing === undefined ? stored : withChange(stored, missing);
  const history = arrived.reduce<History>(withChange, old);
  const before = yield* replaySteps(policy, old);
  const now = yield* replaySteps(policy, history);
  return {
    ...{ key, state: now.state, history },
    recorded: [...(missing === undefined ? [] : [missing]), ...arrived],
    conflicts: arrivalConflicts(policy, { old, arrived, before, now }),
  };
}

function conflictEntries(codec: RowCodec, decided: Decided): ConflictEntry[] {
  const { entity, columns } = codec.shape;
  const row = decided.key.rows[0]!;
  return decided.conflicts.map(({ of, parked, met, ...conflict }) => {
    const change = decided.history.changes.find(({ stamp }) => stamp === of)?.change;
    return {
      ...{ entity, columns, conflict, status: parked ? 'parked' : 'resolved' },
      // What a change met in the replay can be another row than the one that was here.
      local: met && codec.texts(met, row.key),
      // A delete has no row that an operator could keep.
      remote: change === undefined ? row.key : change.after && codec.texts(change.after, row.key),
    };
  });
}
