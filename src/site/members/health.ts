/*
 * What a site says of itself in greetings, so that the others' operators see that something is wrong there. Times travel as
 * ages, so that no two clocks are compared.
 */

/** Longest text of an error; a greeting is for every member, every 10 s. */
const MAX_TEXT = 1_000;
/** Longest name of a state. */
const MAX_STATE = 30;
const MAX_PROBLEMS = 5;

/** One part of the speaker. */
export interface SaidState {
  /** As in its own status. */
  state: string;
  /** Since when it does not work, ms ago; absent while it does. */
  since?: number;
  /** Its newest error, while it does not work. */
  error?: string;
}

/** What a greeting says of the speaker's parts. */
export interface Health {
  /** `behind`: all that had committed so long ago, ms, is in the speaker's journal. */
  capture: SaidState & { behind?: number };
  /** The origins of which the speaker does not apply what it has, or waits. */
  apply: [origin: number, said: SaidState][];
  /** What was changed there by hand, and since when it was seen, ms ago. */
  problems: [seen: number, message: string][];
}

/** A part as its site sees it. */
export interface PartState {
  state: string;
  /** By `Date.now()`. */
  since?: number | undefined;
  error?: string | undefined;
}

/** @param now by `Date.now()` */
export function sayState({ state, since, error }: PartState, now: number): SaidState {
  return {
    state,
    ...(since === undefined ? {} : { since: age(since, now) }),
    ...(error === undefined ? {} : { error: clip(error) }),
  };
}

/** @param now by `Date.now()` */
export function sayProblems(
  problems: readonly { at: string; message: string }[],
  now: number,
): Health['problems'] {
  return problems
    .slice(0, MAX_PROBLEMS)
    .map(({ at, message }) => [age(Date.parse(at), now), clip(message)]);
}

function age(since: number, now: number): number {
  return Math.max(0, Math.round(now - since));
}

function clip(text: string): string {
  return text.length <= MAX_TEXT ? text : `${text.slice(0, MAX_TEXT - 1)}…`;
}

/** Whether what came from outside is this part of a greeting. */
export function isHealth(value: unknown): value is Health {
  const { capture, apply, problems } = (value ?? {}) as Partial<Record<keyof Health, unknown>>;
  return (
    isState(capture) &&
    isAge((capture as Health['capture']).behind ?? 0) &&
    isList(apply, (one, said) => Number.isInteger(one) && isState(said)) &&
    isList(problems, (seen, message) => isAge(seen) && isText(message, MAX_TEXT)) &&
    problems.length <= MAX_PROBLEMS
  );
}

function isList(
  value: unknown,
  holds: (first: unknown, second: unknown) => boolean,
): value is unknown[] {
  return (
    Array.isArray(value) && value.every((pair) => Array.isArray(pair) && holds(pair[0], pair[1]))
  );
}

function isState(value: unknown): value is SaidState {
  const { state, since, error } = (value ?? {}) as Partial<Record<keyof SaidState, unknown>>;
  return isText(state, MAX_STATE) && isAge(since ?? 0) && isText(error ?? '', MAX_TEXT);
}

function isAge(value: unknown): boolean {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0;
}

function isText(value: unknown, longest: number): value is string {
  return typeof value === 'string' && value.length <= longest;
}
