import type { Asking } from './decide.ts';
import { Replay } from './replay-row.ts';
import type { FunctionCall, History, MergePolicy, ReplayBase, Replayed, Value } from './types.ts';

/**
 * The state of a key of an entity that keeps history: its changes, replayed in the order of their stamps
 * from the stable state. A function of the *set* of changes, so sites that have the same set have the same
 * state, whatever the methods of the entity are and in whatever order the changes came. Pure.
 *
 * Stamps of one key respect causality, so a change is replayed after everything that its origin had seen.
 * It is plain where it finds what its origin found: the stamp *and* the values, since a computed value has
 * the stamp of one of the two that it was made of.
 *
 * @param call the result of an SQL function; only asked of entities that name one
 */
export function replay(
  policy: MergePolicy,
  history: History,
  call?: (asked: FunctionCall) => Value,
): Replayed {
  return run(replaySteps(policy, history), call);
}

/** Runs to the end what asks for results of SQL functions, with a caller that has them at once. */
export function run<T>(steps: Asking<T>, call?: (asked: FunctionCall) => Value): T {
  let step = steps.next();
  while (step.done !== true) {
    if (call === undefined) throw new Error(`no one calls function ${step.value.name}`);
    step = steps.next(call(step.value));
  }
  return step.value;
}

/** As `replay`, for callers that have to wait for functions: each yield is a call, its result is sent back. */
export function* replaySteps(policy: MergePolicy, history: History): Asking<Replayed> {
  const one = new Replay(policy, baseOf(history));
  for (const recorded of history.changes) yield* one.add(recorded);
  return one.end();
}

/** What the first change found is stable where there is no base: everything that it saw. */
export function baseOf({ base, changes }: History): ReplayBase {
  if (base !== undefined) return base;
  const found = changes[0]?.change.before;
  return found === undefined ? {} : { row: found };
}
