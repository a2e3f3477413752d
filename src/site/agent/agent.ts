import type { Client } from 'pg';
import { AppError } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import { beginWith, notedPosition } from '../../capture/confirmation.ts';
import { RECAPTURE_HINT } from '../../capture/continuity.ts';
import { AgentParts } from './agent-parts.ts';
import { readConfig } from '../config/config.ts';
import { ControlServer, requireNone } from './control.ts';
import { embeddedCluster } from '../database/embedded.ts';
import { look } from './found.ts';
import type { Found } from './found.ts';
import { refreshEmbedded } from '../database/layout.ts';
import { leaveGroup } from '../members/leave.ts';
import type { LeaveReport } from '../members/leave.ts';
import { connectAlone } from './only-agent.ts';
import { removeMember } from '../members/remove.ts';
import type { RemoveReport } from '../members/remove.ts';
import { Rounds } from './rounds.ts';
import { rolesWithoutTriggers } from '../database/session-check.ts';
import { siteStatus } from './status.ts';
import type { SiteStatus } from './status.ts';
import { Webhook } from '../upkeep/webhook.ts';

/** From the answer to `leave` to the end of the agent. */
const LAST_ANSWER_MS = 200;

export interface AgentOptions {
  /** Of each origin nothing after this position is applied, and nothing at all of others (catch-up.ts). */
  until?: ReadonlyMap<number, bigint>;
}

/** One site's agent: captures, serves its journal, pulls and applies the journals of the other members. */
export class Agent {
  readonly #parts: AgentParts;
  readonly #rounds: Rounds;
  #control: ControlServer | undefined;
  readonly #stop = new AbortController();

  private constructor(parts: AgentParts) {
    this.#parts = parts;
    this.#rounds = new Rounds(parts);
  }

  /**
   * Opens a site: starts its embedded server if it has one and it is not running, and checks that
   * everything is there.
   *
   * @throws AppError with what to do: the site does not start half
   */
  static async open(root: string, log: Log, options: AgentOptions = {}): Promise<Agent> {
    const config = readConfig(root);
    // Before anything is touched that a running agent works with: opening the journal clears up in it.
    await requireNone(root);
    await embeddedCluster(config)?.start();
    await refreshEmbedded(config, log);
    const client = await connectAlone(config.database.url, 'syncline agent');
    try {
      const found = await look(client, config);
      await warnOfRoles(client, found, log);
      return new Agent(new AgentParts({ root, config, log, client, found, until: options.until }));
    } catch (error) {
      await client.end().catch(() => undefined);
      throw error;
    }
  }

  /** Runs until the signal, or until `down` is asked for on the control socket. */
  async run(root: string, signal: AbortSignal): Promise<void> {
    const { config, log, members, server } = this.#parts;
    const stop = (): void => this.#stop.abort();
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    try {
      this.#control = await ControlServer.listen(root, {
        ping: () => Promise.resolve({ pid: process.pid }),
        status: () => this.status(),
        down: () => Promise.resolve(stop()),
        leave: (without) => this.#leave(without, stop),
        remove: (name) => this.#remove(name),
      });
      await this.#startJournals();
      await server.listen();
      await members.refresh();
      log.info({ site: config.site, link: config.link.address }, 'agent is up');
      await this.#runParts(this.#stop.signal);
    } finally {
      signal.removeEventListener('abort', stop);
      await this.#close();
    }
  }

  async #runParts(signal: AbortSignal): Promise<void> {
    const { supervised, settler, afterApply } = this.#parts;
    await Promise.all([
      supervised.run(signal),
      this.#rounds.run(signal),
      this.#notify(signal),
      settler.run(signal),
      afterApply.run(signal),
    ]);
  }

  status(): Promise<SiteStatus> {
    return siteStatus(this.#parts, this.#rounds.count());
  }

  /** The answer is sent before the agent ends. */
  async #leave(without: string, stop: () => void): Promise<LeaveReport> {
    const { config, log, found, models, slot, members, greeter, journal } = this.#parts;
    const { site } = found;
    const context = {
      ...{ dsn: config.database.url, slot, site, models },
      ...{ members, greeter, journal },
    };
    const report = await leaveGroup(context, without.split(',').filter(Boolean));
    log.info({ site: site.name, ...report }, 'the site has left the group');
    setTimeout(stop, LAST_ANSWER_MS);
    return report;
  }

  async #remove(name: string): Promise<RemoveReport> {
    const { found, log, members, greeter } = this.#parts;
    const client = (): Client => this.#parts.client;
    const report = await removeMember({ client, members, greeter, site: found.site.name }, name);
    log.info({ removed: name, ...report }, 'a member was removed');
    return report;
  }

  /**
   * After a join the journals begin where the base copy ends. Nothing was applied yet then, and this site's own
   * changes are made with knowledge of just that.
   *
   * @throws AppError JOURNAL_LOST
   */
  async #startJournals(): Promise<void> {
    const { journal, found } = this.#parts;
    const { progress, site } = found;
    const origins = [site.number, ...progress.keys()];
    if (origins.every((origin) => journal.position(origin) === 0n)) {
      if (notedPosition(journal) === undefined) throw journalLost(this.#parts.config.site);
      await beginWith(journal, progress);
    }
    for (const [origin, position] of progress) {
      if (journal.position(origin) === 0n) await journal.startAt(origin, position);
    }
  }

  async #notify(signal: AbortSignal): Promise<void> {
    const { config, log } = this.#parts;
    const { database, notify, site } = config;
    if (notify.webhook === undefined) return;
    await new Webhook({ dsn: database.url, url: notify.webhook, site, log }).run(signal);
  }

  async #close(): Promise<void> {
    const { config, log } = this.#parts;
    this.#stop.abort();
    await this.#parts.close();
    await this.#control?.close();
    log.info({ site: config.site }, 'agent is down');
  }
}

/** A role of a loader can have its reasons; that its writes do not travel must be known. */
async function warnOfRoles(client: Client, { models }: Found, log: Log): Promise<void> {
  const roles = await rolesWithoutTriggers(
    client,
    models.map(({ ir }) => ir),
  );
  if (roles.length === 0) return;
  log.warn(
    { roles },
    'sessions of these roles begin with session_replication_role = replica: the other sites do not get what they write',
  );
}

function journalLost(site: string): AppError {
  return new AppError(
    'JOURNAL_LOST',
    `Site "${site}" has lost its journal: what it wrote and the others had not taken may be in its database only`,
    { hint: RECAPTURE_HINT },
  );
}
