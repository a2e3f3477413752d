import { setTimeout as delay } from 'node:timers/promises';
import { cutFile } from '../../base/cut-file.ts';
import { describeError } from '../../base/errors.ts';
import { isJournalFull } from '../../journal/group-commit.ts';
import { isTransient } from '../../postgres/connect.ts';
import type { AgentParts } from './agent-parts.ts';
import { LeftOrigins } from '../members/left-origins.ts';
import { sendOutbox } from '../upkeep/outbox.ts';
import { pruneConflicts, trimConflicts, trimJournal } from '../upkeep/retention.ts';

/**
 * Between two rounds of retention and a look at `crp.member`. What takes many rounds, as tombstones that go, tests wait for
 * with shorter pauses: the rounds are the same ones.
 */
const ROUND_MS = Number(process.env['SYNCLINE_ROUND_MS'] ?? 2_000);
/** Members greet each other once in so many rounds, and in every round until they were heard of. */
const GREETING_ROUNDS = 5;
/** Old records of conflicts are looked for once in so many rounds, ten minutes: all records are read. */
const PRUNE_ROUNDS = 300;
/** Longest log, bytes. A server writes a line or two of each statement that fails, which a busy service has many of. */
const MAX_LOG = 64 * 1024 * 1024;

/**
 * What an agent does again and again: members, marks, greetings, a look at the tables, what has become stable or expired,
 * retention.
 */
export class Rounds {
  readonly #parts: AgentParts;
  readonly #leftOrigins: LeftOrigins;
  #count = 0;

  constructor(parts: AgentParts) {
    this.#parts = parts;
    this.#leftOrigins = new LeftOrigins(parts.config.site);
  }

  /** Rounds since the agent started. */
  count(): number {
    return this.#count;
  }

  /** Until the signal. A round that fails is followed by the next one, with a new session. */
  async run(signal: AbortSignal): Promise<void> {
    for (; !signal.aborted; this.#count++) {
      const due = this.#count % GREETING_ROUNDS === 0;
      const greeting = this.#parts.health.isNew() || due;
      if (due) this.#cutLogs();
      this.#takeCertificates();
      try {
        await this.#round({ due, greeting });
      } catch (error) {
        this.#parts.log.warn({ error: describeError(error) }, 'round interrupted');
        // Where the journal has no room it is not the session that is broken.
        if (!isJournalFull(error)) await this.#parts.reconnect();
        if (greeting) await this.#tell();
      }
      await delay(ROUND_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  #cutLogs(): void {
    const { logs, log } = this.#parts;
    for (const file of logs) {
      try {
        if (cutFile(file, MAX_LOG))
          log.info({ file }, 'a log has begun anew; the one before is in the same place as .1');
      } catch (error) {
        log.warn({ file, error: describeError(error) }, 'a log cannot be cut');
      }
    }
  }

  #takeCertificates(): void {
    const { certificates, server } = this.#parts;
    if (certificates.look()) server.renew(certificates.current);
  }

  /** Without its database a site says how it does. What the members answer cannot be noted then, and they answer again. */
  async #tell(): Promise<void> {
    const { session, greeter } = this.#parts;
    if (!session.isElsewhere) await greeter.greetAll();
  }

  /** @param turn `due`: of the tables and of greetings; `greeting`: greetings are, whether due or not */
  async #round({ due, greeting }: { due: boolean; greeting: boolean }): Promise<void> {
    const { members, greeter, marks, tombstones, expired, relays, client, models } = this.#parts;
    await members.refresh();
    if (due) await this.#look();
    if (!this.#holdsTombstones()) await marks.advance(client);
    const eager =
      tombstones.waiting ||
      expired.waiting ||
      members.departed.peers().length > 0 ||
      members.peers().some((peer) => !peer.knows);
    if (greeting || eager) {
      await greeter.greetAll();
      await this.#beside('tombstones cannot be collected', async () => {
        return (await tombstones.advance(client, greeter.views())) > 0;
      });
      await expired.advance(client, greeter.views());
    }
    await this.#beside('expired rows cannot be removed', async () => {
      await expired.remove();
      return true;
    });
    await this.#beside('what was applied cannot be told', async () => {
      await sendOutbox(client, models);
      return true;
    });
    await relays.update([...members.peers(), ...members.departed.peers()]);
    await this.#trim();
  }

  /**
   * What needs a session of its own may fail for long, as where the server has no room for it or no replication origin: the
   * rest of the round goes on, or the journal would not be trimmed any more. Whether the agent's own session works that shows.
   *
   * @param work returns whether it was done
   */
  async #beside(what: string, work: () => Promise<boolean>): Promise<void> {
    const { upkeep, log } = this.#parts;
    try {
      if (await work()) upkeep.done(what);
    } catch (error) {
      upkeep.failed(what, error);
      log.warn({ error: describeError(error) }, what);
    }
  }

  /** What the look cannot make out of a table is no reason not to greet the members. */
  async #look(): Promise<void> {
    const { tableCheck, slotWatch, client, log } = this.#parts;
    try {
      await slotWatch.look(client);
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
    const { members, journal, found, client, config, log } = this.#parts;
    await trimJournal({
      journal,
      self: found.site.number,
      others: members.holders(),
      peers: members.peers(),
      appliedOf: (origin) => members.appliedOf(origin),
    });
    await trimConflicts(client);
    const { keepMs } = config.conflicts;
    if (keepMs !== undefined && this.#count % PRUNE_ROUNDS === 0) {
      const pruned = await pruneConflicts(client, keepMs);
      if (pruned > 0) log.info({ pruned }, 'records of settled conflicts are deleted');
    }
    await this.#leftOrigins.drop(client, members.departed.settledNumbers());
  }
}
