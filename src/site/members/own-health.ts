import type { ApplierStatus } from '../../apply/applier.ts';
import type { CaptureStatus } from '../../capture/capture.ts';
import { describePassedOver } from '../../capture/passed-over.ts';
import { sayProblems, sayState } from './health.ts';
import type { Health, PartState } from './health.ts';
import type { ErrorNote } from '../../base/errors.ts';

/** What others are told of apply: not what ends by itself in the next moment, such as a deadlock, ms. */
const LASTING_MS = 5_000;

/** Tables of which others are told that changes do not reach them; other problems need room too. */
const MAX_PASSED_OVER = 2;

export interface OwnHealthContext {
  capture: () => CaptureStatus;
  /** The error that capture waits with; undefined while it runs. */
  captureFailure: () => string | undefined;
  /** The origins that are applied here, those that have left too. */
  origins: () => { origin: number; status: ApplierStatus; failure: string | undefined }[];
  problems: () => ErrorNote[];
}

/** What this site says of its own parts in greetings (health.ts). */
export class OwnHealth {
  readonly #context: OwnHealthContext;
  /** Since when capture was seen not to run, by `Date.now()`. */
  #since: number | undefined;
  #seen = '';

  constructor(context: OwnHealthContext) {
    this.#context = context;
  }

  /** What is said now. */
  say(): Health {
    const now = Date.now();
    const { origins, problems } = this.#context;
    const behind = this.#context.capture().behind;
    return {
      capture: {
        ...sayState(this.#capture(now), now),
        ...(behind === undefined ? {} : { behind: Math.round(behind) }),
      },
      apply: origins()
        .map(({ origin, ...one }) => ({ origin, part: applyState(one, now) }))
        .filter(({ part }) => part.since !== undefined)
        .map(({ origin, part }) => [origin, sayState(part, now)]),
      // Capture had to leave out data: the rest may have no room.
      problems: sayProblems([...this.#passedOver(), ...problems()], now),
    };
  }

  /** What reaches no other member, of the first tables of which that is so. */
  #passedOver(): ErrorNote[] {
    return this.#context
      .capture()
      .passedOver.slice(0, MAX_PASSED_OVER)
      .map(({ table, by, at }) => ({ at, message: describePassedOver({ table, by }) }));
  }

  /** Whether something is not as it was at the last call: then the members are told at once. Called once a round. */
  isNew(): boolean {
    const before = this.#seen;
    this.#seen = summary(this.say());
    return this.#seen !== before;
  }

  #capture(now: number): PartState {
    const { state, lastError } = this.#context.capture();
    const failure = this.#context.captureFailure();
    const works = failure === undefined && state !== 'retrying';
    this.#since = works ? undefined : (this.#since ?? now);
    if (works) return { state };
    if (failure !== undefined) return { state: 'failed', since: this.#since, error: failure };
    return { state, since: this.#since, error: lastError?.message };
  }
}

/** @returns without `since` where nothing is wrong, or not for long */
function applyState(
  one: { status: ApplierStatus; failure: string | undefined },
  now: number,
): PartState {
  const { state, since, lastError } = one.status;
  // The error of a part stays for some seconds after it goes on.
  if (since === undefined) return { state };
  const from = Date.parse(since);
  if (one.failure !== undefined) return { state: 'failed', since: from, error: one.failure };
  if (now - from < LASTING_MS) return { state };
  // A try between two failures: it is no sign that anything goes on.
  const shown = state === 'running' ? 'retrying' : state;
  const isOf = lastError !== undefined && Date.parse(lastError.at) >= from;
  return { state: shown, since: from, ...(isOf ? { error: lastError.message } : {}) };
}

/** What makes a greeting worth its while before its time. */
function summary({ capture, apply, problems }: Health): string {
  const parts = [capture, ...apply.map(([, said]) => said)].map(({ state }) => state);
  return JSON.stringify([parts, apply.map(([origin]) => origin), problems.map(([, text]) => text)]);
}
