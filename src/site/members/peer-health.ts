import { describeError } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import type { Health, SaidState } from './health.ts';
import type { ErrorNote } from '../../base/errors.ts';

/** What is older than several greetings says nothing of now; capture that is so far behind is said to be, ms. */
const STALE_MS = 60_000;

/** A part of a peer, as that said it last. */
export interface RemoteState {
  state: string;
  /** Since when it does not work, by this site's clock. */
  since?: string;
  lastError?: ErrorNote;
}

/** What is known of a peer's own parts, as `peers[]` of the status has it. */
export interface PeerHealthStatus {
  /** Absent where the peer does not say: it has an earlier build, or was not heard of yet. */
  capture?: RemoteState & { until?: string };
  /** Sites whose changes the peer does not apply now. */
  unapplied: (RemoteState & { site: string })[];
  problems: ErrorNote[];
}

/** Keeps what a peer says of its own parts (health.ts). */
export class PeerHealth {
  readonly #peer: string;
  readonly #log: Log;
  readonly #now: () => number;
  #said: Health | undefined;
  /** By `#now`. */
  #heardAt = 0;
  #refusal: ErrorNote | undefined;

  /** @param now ms, of a clock that does not jump */
  constructor(peer: string, log: Log, now: () => number = () => performance.now()) {
    this.#peer = peer;
    this.#log = log;
    this.#now = now;
  }

  /** The peer has spoken. @param said undefined of an earlier build */
  heard(said: Health | undefined): void {
    const before = this.#said?.capture.state;
    this.#said = said;
    this.#heardAt = this.#now();
    this.#refusal = undefined;
    const state = said?.capture.state;
    if (state === before || said === undefined) return;
    const note = { peer: this.#peer, error: said.capture.error };
    if (state === 'failed') this.#log.error(note, 'capture of a member has failed');
    else if (before === 'failed') this.#log.info(note, 'capture of a member goes on');
  }

  /** The peer did not answer a greeting. */
  unanswered(error: unknown): void {
    this.#refusal = { at: new Date().toISOString(), message: describeError(error) };
  }

  /** How old that is which the peer has captured, s; 0 while that is what links and greetings take, or is not known. */
  behind(): number {
    const behind = this.#said?.capture.behind;
    if (behind === undefined || this.#said?.capture.state === 'starting') return 0;
    const age = behind + this.#now() - this.#heardAt;
    return age < STALE_MS ? 0 : age / 1000;
  }

  /** @param names of sites by number */
  status(names: ReadonlyMap<number, string>): PeerHealthStatus {
    const said = this.#said;
    if (said === undefined) return { unapplied: [], problems: [] };
    const { behind } = said.capture;
    return {
      capture: {
        ...(this.#silent ?? this.#remote(said.capture)),
        ...(behind === undefined ? {} : { until: this.#time(behind) }),
      },
      unapplied: said.apply.map(([origin, part]) => ({
        site: names.get(origin) ?? String(origin),
        ...this.#remote(part),
      })),
      problems: said.problems.map(([seen, message]) => ({ at: this.#time(seen), message })),
    };
  }

  /** What is wrong at the peer, newest when it was said: it lasts until the peer says another thing. */
  errors(names: ReadonlyMap<number, string>, connected: boolean): ErrorNote[] {
    const { capture, unapplied, problems } = this.status(names);
    // While the link is down that is the error.
    if (capture?.state === 'silent' && !connected) return [];
    const at = this.#time(0);
    const say = (what: string, part: RemoteState | undefined): ErrorNote[] =>
      part?.lastError === undefined
        ? []
        : [{ at: part.lastError.at, message: `${what}: ${part.lastError.message}` }];
    return [
      ...problems.map(({ message }) => ({ at, message: `at ${this.#peer}: ${message}` })),
      ...unapplied.flatMap((part) =>
        say(`apply of ${part.site} at ${this.#peer} (${part.state})`, part),
      ),
      ...say(`capture at ${this.#peer} (${capture?.state})`, capture),
    ];
  }

  /** What was said last is too old. */
  get #silent(): RemoteState | undefined {
    if (this.#now() - this.#heardAt < STALE_MS) return undefined;
    const refusal = this.#refusal;
    return {
      state: 'silent',
      since: this.#time(0),
      ...(refusal === undefined ? {} : { lastError: refusal }),
    };
  }

  #remote({ state, since, error }: SaidState): RemoteState {
    return {
      state,
      ...(since === undefined ? {} : { since: this.#time(since) }),
      ...(error === undefined ? {} : { lastError: { at: this.#time(0), message: error } }),
    };
  }

  /** So long before the peer spoke, by this site's clock as it is now. */
  #time(age: number): string {
    return new Date(Date.now() - (this.#now() - this.#heardAt) - age).toISOString();
  }
}
