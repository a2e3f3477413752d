import { setTimeout as delay } from 'node:timers/promises';
import { describeError } from '../base/errors.ts';
import { isJournalFull } from '../journal/group-commit.ts';
import { isTransient } from '../postgres/connect.ts';
import type { AgentParts } from './agent-parts.ts';
import { trimConflicts, trimJournal } from './retention.ts';

/** Between two rounds of retention and a look at `crp.member`. */
const ROUND_MS = 2_000;
/** Members greet each other once in so many rounds, and in every round until they were heard of. */
const GREETING_ROUNDS = 5;

/**
 * What an agent does again and again: members, marks, greetings, a look at the tables, what has become stable or expired,
 * retention.
 */
export class Rounds {
  readonly #parts: AgentParts;
  #count = 0;

  constructor(parts: AgentParts) {
    this.#parts = parts;
  }

  /** Rounds since the agent started. */
  count(): number {
    return this.#count;
  }

  /** Until the signal. A round that fails is followed by the next one, with a new session. */
  async run(signal: AbortSignal): Promise<void> {
    for (; !signal.aborted; this.#count++) {
      try {
        await this.#round(this.#count % GREETING_ROUNDS === 0);
      } catch (error) {
        this.#parts.log.warn({ error: describeError(error) }, 'round interrupted');
        // Where the journal has no room it is not the session that is broken.
        if (!isJournalFull(error)) await this.#parts.reconnect();
      }
      await delay(ROUND_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  async #round(greeting: boolean): Promise<void> {
    const { members, greeter, marks, tombstones, expired, relays, client } = this.#parts;
    await members.refresh();
    if (greeting) await this.#look();
    if (!this.#holdsTombstones()) await marks.advance(client);
    const eager =
      tombstones.waiting ||
      expired.waiting ||
      members.departed.peers().length > 0 ||
      members.peers().some((peer) => !peer.knows);
    if (greeting || eager) {
      await greeter.greetAll();
      await tombstones.advance(client, greeter.views());
      await expired.advance(client, greeter.views());
    }
    await expired.remove();
    await relays.update([...members.peers(), ...members.departed.peers()]);
    await this.#trim();
  }

  /** What the look cannot make out of a table is no reason not to greet the members. */
  async #look(): Promise<void> {
    const { tableCheck, client, log } = this.#parts;
    try {
      await tableCheck.look(client);
    } catch (error) {
      if (isTransient(error)) throw error;
      log.warn({ error: describeError(error) }, 'the replicated tables cannot be looked at');
    }
  }

  #holdsTombstones(): boolean {
    const { capture, tableCheck } = this.#parts;
    const passedOver = capture.status().passedOver.map(({ at }) => Date.parse(at));
    return tableCheck.holdsTombstones(Date.now(), Math.max(...passedOver, -Infinity));
  }

  async #trim(): Promise<void> {
    const { members, journal, found, client } = this.#parts;
    await trimJournal({
      journal,
      self: found.site.number,
      others: members.others(),
      peers: members.peers(),
      appliedOf: (origin) => members.appliedOf(origin),
    });
    await trimConflicts(client);
  }
}
