import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from 'pg';
import { Beacon } from '../apply/beacon.ts';
import { Knowledge } from '../apply/knowledge.ts';
import { describeError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { Capture } from '../capture/capture.ts';
import { beginWith } from '../capture/confirmation.ts';
import { LmdbJournal } from '../journal/journal-lmdb.ts';
import { greatest } from '../merge/stamps.ts';
import { LinkServer } from '../link/server.ts';
import { unshippedColumns } from '../model/replicated.ts';
import { connectShared } from '../postgres/connect.ts';
import { AfterApply } from './after-apply.ts';
import { modelsHash, modelsHeader } from './catalog.ts';
import type { Member } from './catalog.ts';
import { readConfig } from './config.ts';
import type { SiteConfig } from './config.ts';
import { ControlServer } from './control.ts';
import { slotName } from './create.ts';
import { embeddedCluster } from './embedded.ts';
import { ExpiredRows } from './expiry.ts';
import { siteFolder } from './folder.ts';
import { followWith } from './follow.ts';
import type { Follow } from './follow.ts';
import { look } from './found.ts';
import type { Found } from './found.ts';
import { readIdentity } from './group.ts';
import { refreshEmbedded } from './layout.ts';
import { leaveGroup } from './leave.ts';
import type { LeaveReport } from './leave.ts';
import { Marks } from './marks.ts';
import { Members } from './members.ts';
import { Relays } from './relay.ts';
import { removeMember } from './remove.ts';
import type { RemoveReport } from './remove.ts';
import { trimConflicts, trimJournal } from './retention.ts';
import { knownMember, siteRoutes } from './routes.ts';
import type { RouteContext } from './routes.ts';
import { Settler } from './settler.ts';
import { captureStatus, newest, peerStatus } from './status.ts';
import type { SiteStatus } from './status.ts';
import { supervise } from './supervise.ts';
import type { Supervised } from './supervise.ts';
import { TombstoneCollector } from './tombstones.ts';
import { Waived } from './waived.ts';
import { Webhook } from './webhook.ts';

/** From the answer to `leave` to the end of the agent. */
const LAST_ANSWER_MS = 200;
/** Between two rounds of retention and a look at `crp.member`. */
const ROUND_MS = 2_000;
/** Members greet each other once in so many rounds, and in every round until they were heard of. */
const GREETING_ROUNDS = 5;

export interface AgentOptions {
  /** Of each origin nothing after this position is applied, and nothing at all of others (catch-up.ts). */
  until?: ReadonlyMap<number, bigint>;
}

/** One site's agent: captures, serves its journal, pulls and applies the journals of the other members. */
export class Agent {
  readonly #config: SiteConfig;
  readonly #log: Log;
  readonly #found: Found;
  readonly #until: AgentOptions['until'];
  readonly #journal: LmdbJournal;
  readonly #beacon: Beacon;
  readonly #follow: Follow;
  readonly #capture: Capture;
  readonly #supervised: Supervised;
  readonly #members: Members;
  readonly #relays: Relays;
  readonly #waived: Waived;
  readonly #marks: Marks;
  readonly #tombstones: TombstoneCollector;
  readonly #settler: Settler;
  readonly #expired: ExpiredRows;
  readonly #afterApply: AfterApply;
  readonly #server: LinkServer;
  #client: Client;
  #control: ControlServer | undefined;
  #rounds = 0;
  readonly #stop = new AbortController();

  private constructor(
    root: string,
    parts: { config: SiteConfig; log: Log; client: Client; found: Found },
    options: AgentOptions,
  ) {
    this.#until = options.until;
    const { config, log, client, found } = parts;
    this.#config = config;
    this.#log = log;
    this.#client = client;
    this.#found = found;
    const { number } = found.site;
    this.#journal = LmdbJournal.open({
      path: siteFolder(root).journal,
      quotaBytes: config.journal.quotaBytes,
    });
    this.#beacon = new Beacon(config.database.url, () => this.#members.needsKnowledge());
    this.#capture = new Capture({
      site: { number, incarnation: found.site.incarnation },
      ...{
        dsn: config.database.url,
        slot: slotName(config.group, config.site),
        publication: 'crp',
      },
      ...{ serverMajor: Number.parseInt(found.serverVersion, 10), journal: this.#journal, log },
      unshipped: unshippedColumns(found.models.map((model) => model.ir)),
    });
    this.#supervised = supervise({ name: 'capture', part: this.#capture, log });
    const slot = slotName(config.group, config.site);
    this.#marks = new Marks({ slot, self: number, journal: this.#journal });
    const { database, afterApply: commands } = config;
    const models = found.models.map((model) => model.ir);
    this.#follow = followWith(this.#beacon, config.clock.maxDriftMs);
    const where = { dsn: database.url, site: config.site, models, follow: this.#follow };
    this.#tombstones = new TombstoneCollector({
      ...where,
      names: () => this.#members.names(),
    });
    this.#settler = new Settler({
      ...{ dsn: config.database.url, models: found.models.map((model) => model.ir), log },
      site: { number, name: found.site.name },
      siteNames: () => this.#members.names(),
    });
    this.#expired = new ExpiredRows(where);
    this.#afterApply = new AfterApply({ dsn: database.url, models, commands, log });
    this.#waived = new Waived({ journal: this.#journal, log });
    this.#members = this.#makeMembers(root);
    this.#relays = new Relays({
      ...{ journal: this.#journal, log },
      modelHash: () => modelsHeader(found.models),
    });
    this.#server = this.#makeServer(root);
  }

  /**
   * Opens a site: starts its embedded server if it has one and it is not running, and checks that
   * everything is there.
   *
   * @throws AppError with what to do: the site does not start half
   */
  static async open(root: string, log: Log, options: AgentOptions = {}): Promise<Agent> {
    const config = readConfig(root);
    await embeddedCluster(config)?.start();
    await refreshEmbedded(config, log);
    const client = await connectShared(config.database.url, 'syncline agent');
    try {
      const found = await look(client, config);
      return new Agent(root, { config, log, client, found }, options);
    } catch (error) {
      await client.end().catch(() => undefined);
      throw error;
    }
  }

  /** Runs until the signal, or until `down` is asked for on the control socket. */
  async run(root: string, signal: AbortSignal): Promise<void> {
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
      await this.#server.listen();
      await this.#members.refresh();
      this.#log.info({ site: this.#config.site, link: this.#config.link.address }, 'agent is up');
      await Promise.all([
        this.#supervised.run(this.#stop.signal),
        this.#runRounds(),
        this.#notify(),
        this.#settler.run(this.#stop.signal),
        this.#afterApply.run(this.#stop.signal),
      ]);
    } finally {
      signal.removeEventListener('abort', stop);
      await this.#close();
    }
  }

  /** The answer is sent before the agent ends. */
  async #leave(without: string, stop: () => void): Promise<LeaveReport> {
    const { site, models } = this.#found;
    const { database, group } = this.#config;
    const context = {
      ...{ dsn: database.url, slot: slotName(group, site.name), site },
      ...{ members: this.#members, journal: this.#journal },
      models: models.map((model) => model.ir),
    };
    const report = await leaveGroup(context, without.split(',').filter(Boolean));
    this.#log.info({ site: site.name, ...report }, 'the site has left the group');
    setTimeout(stop, LAST_ANSWER_MS);
    return report;
  }

  async #remove(name: string): Promise<RemoveReport> {
    const { site } = this.#found;
    const context = { client: () => this.#client, members: this.#members, site: site.name };
    const report = await removeMember(context, name);
    this.#log.info({ removed: name, ...report }, 'a member was removed');
    return report;
  }

  async status(): Promise<SiteStatus> {
    const { site, models, serverVersion } = this.#found;
    const config = this.#config;
    const all = [...this.#members.peers(), ...this.#members.departed()];
    const peers = all.map((peer) => peerStatus(peer, this.#journal, site.number));
    const capture = captureStatus(this.#capture.status(), this.#supervised.failure());
    const afterApply = this.#afterApply.status();
    const stableUntil = this.#expired.stableUntil();
    const lastError = newest([capture, ...peers, ...afterApply].map((part) => part.lastError));
    return {
      ...{ site: site.name, number: site.number, group: config.group },
      ...{ incarnation: site.incarnation, pid: process.pid, rounds: this.#rounds },
      models: models.map(({ ir, hash }) => ({ name: ir.name, revision: ir.revision, hash })),
      database: { server: serverVersion, embedded: config.database.embedded !== undefined },
      capture,
      journal: this.#journal.stats(),
      conflicts: await this.#conflicts(),
      afterApply,
      peers,
      dismissedBy: this.#members.dismissedBy(),
      waived: this.#waived.status(this.#members.names()),
      ...(stableUntil === undefined ? {} : { stableUntil }),
      ...(lastError === undefined ? {} : { lastError }),
    };
  }

  async #conflicts(): Promise<SiteStatus['conflicts']> {
    const { rows } = await this.#client.query<{ total: string; parked: string }>(
      `SELECT count(*) AS total, count(*) FILTER (WHERE status = 'parked') AS parked FROM crp.conflict`,
    );
    return { total: Number(rows[0]!.total), parked: Number(rows[0]!.parked) };
  }

  #makeMembers(root: string): Members {
    const { site, models } = this.#found;
    const address = this.#config.link.address;
    const self: Member = { ...site, address, state: 'active' };
    return new Members(this.#client, self, {
      config: this.#config,
      models: models.map((model) => model.ir),
      modelHash: () => modelsHeader(models),
      ...{ journal: this.#journal, beacon: this.#beacon, log: this.#log },
      knowledge: new Knowledge(site.number, this.#until),
      certificates: readIdentity(root),
      siteNames: () => this.#members.names(),
      applied: () => this.#settler.applied(),
      mark: () => this.#marks.last(),
      serves: (name) => this.#server.serves(name),
      wanted: () => greatest([this.#tombstones.wanted, this.#expired.wanted]),
      follow: this.#follow,
      parted: (peer) => this.#relays.part(peer),
      lost: (origin, lost) => this.#waived.note(origin, lost),
      ...(this.#until === undefined ? {} : { until: this.#until }),
    });
  }

  #makeServer(root: string): LinkServer {
    const { host, port } = this.#config.link;
    return new LinkServer({
      ...{ self: this.#found.site.number, ...readIdentity(root) },
      ...{ journal: this.#journal, host, port, log: this.#log },
      modelHash: () => modelsHeader(this.#found.models),
      hasLeft: (name) => this.#members.hasLeft(name),
      checkMember: (name) => knownMember({ client: () => this.#client }, name),
      onAck: ({ peer, origin, ...ack }) => {
        if (origin === this.#found.site.number) this.#members.peer(peer)?.acknowledge(ack);
      },
      routes: siteRoutes({
        client: () => this.#client,
        dsn: this.#config.database.url,
        ...{ members: this.#members, journal: this.#journal, beacon: this.#beacon },
        repair: this.#repairContext(),
        models: this.#found.models,
      }),
    });
  }

  #repairContext(): RouteContext['repair'] {
    const { site, models } = this.#found;
    const { database, group } = this.#config;
    return {
      ...{ site, dsn: database.url, slot: slotName(group, site.name), journal: this.#journal },
      ...{ models: models.map((model) => model.ir), modelHash: modelsHash(models) },
      siteName: (number) => this.#members.names().get(number) ?? String(number),
    };
  }

  /**
   * After a join the journals begin where the base copy ends. Nothing was applied yet then, and this site's own
   * changes are made with knowledge of just that.
   */
  async #startJournals(): Promise<void> {
    const { progress, site } = this.#found;
    const origins = [site.number, ...progress.keys()];
    if (origins.every((origin) => this.#journal.position(origin) === 0n)) {
      await beginWith(this.#journal, progress);
    }
    for (const [origin, position] of progress) {
      if (this.#journal.position(origin) === 0n) await this.#journal.startAt(origin, position);
    }
  }

  async #notify(): Promise<void> {
    const { database, notify, site } = this.#config;
    if (notify.webhook === undefined) return;
    const webhook = new Webhook({ dsn: database.url, url: notify.webhook, site, log: this.#log });
    await webhook.run(this.#stop.signal);
  }

  async #runRounds(): Promise<void> {
    for (; !this.#stop.signal.aborted; this.#rounds++) {
      try {
        await this.#round(this.#rounds % GREETING_ROUNDS === 0);
      } catch (error) {
        this.#log.warn({ error: describeError(error) }, 'round interrupted');
        await this.#reconnect();
      }
      await delay(ROUND_MS, undefined, { signal: this.#stop.signal }).catch(() => undefined);
    }
  }

  async #round(greeting: boolean): Promise<void> {
    const members = this.#members;
    await members.refresh();
    await this.#marks.advance(this.#client);
    const eager =
      this.#tombstones.waiting ||
      this.#expired.waiting ||
      members.departed().length > 0 ||
      members.peers().some((peer) => !peer.knows);
    if (greeting || eager) {
      await members.greetAll();
      await this.#tombstones.advance(this.#client, members.views());
      await this.#expired.advance(this.#client, members.views());
    }
    await this.#expired.remove();
    await this.#relays.update([...members.peers(), ...members.departed()]);
    await trimJournal({
      journal: this.#journal,
      self: this.#found.site.number,
      others: members.others(),
      peers: members.peers(),
      appliedOf: (origin) => members.appliedOf(origin),
    });
    await trimConflicts(this.#client);
  }

  async #reconnect(): Promise<void> {
    try {
      const client = await connectShared(this.#config.database.url, 'syncline agent');
      await this.#client.end().catch(() => undefined);
      this.#client = client;
      this.#members.reconnected(client);
    } catch (error) {
      this.#log.warn({ error: describeError(error) }, 'the database is not reachable');
    }
  }

  async #close(): Promise<void> {
    this.#stop.abort();
    await this.#relays.stop();
    await this.#members.stop();
    await this.#server.close().catch(() => undefined);
    await this.#beacon.close();
    await this.#expired.close();
    await this.#client.end().catch(() => undefined);
    await this.#journal.close();
    await this.#control?.close();
    this.#log.info({ site: this.#config.site }, 'agent is down');
  }
}
