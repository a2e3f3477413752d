import type { Client } from 'pg';
import { Beacon } from '../../apply/beacon.ts';
import { Knowledge } from '../../apply/knowledge.ts';
import type { Log } from '../../base/log.ts';
import { Capture } from '../../capture/capture.ts';
import { TableNames } from '../../capture/table-names.ts';
import { LmdbJournal } from '../../journal/journal-lmdb.ts';
import { LinkServer } from '../../link/server.ts';
import { greatest } from '../../merge/stamps.ts';
import type { Model } from '../../model/ir/ir.ts';
import { unshippedColumns } from '../../model/ir/replicated.ts';
import { proofOf } from '../../postgres/known.ts';
import { AfterApply } from '../upkeep/after-apply.ts';
import { AgentSession } from './agent-session.ts';
import { modelsHash, modelsHeader } from '../database/catalog.ts';
import type { SiteConfig } from '../config/config.ts';
import { slotName } from '../create/create-database.ts';
import { ExpiredRows } from '../upkeep/expiry.ts';
import { siteFolder, siteLogs } from '../config/folder.ts';
import { followWith } from '../members/follow.ts';
import type { Follow } from '../members/follow.ts';
import type { Found } from './found.ts';
import { Greeter } from '../members/greeter.ts';
import { OwnCertificates } from '../create/own-certificates.ts';
import { Marks } from '../members/marks.ts';
import { Members } from '../members/members.ts';
import { OwnHealth } from '../members/own-health.ts';
import { OwnHistory } from './own-history.ts';
import { Relays } from '../members/relay.ts';
import { knownMember, siteRoutes } from './routes.ts';
import type { RouteContext } from './routes.ts';
import { Settler } from '../upkeep/settler.ts';
import type { ErrorNote } from '../../base/errors.ts';
import { supervise } from '../../base/supervise.ts';
import type { Supervised } from '../../base/supervise.ts';
import { SlotWatch } from '../database/slot-watch.ts';
import { TableCheck } from '../database/table-check.ts';
import { TombstoneCollector } from '../upkeep/tombstones.ts';
import { Waived } from '../upkeep/waived.ts';
import { Upkeep } from '../upkeep/upkeep.ts';
import type { Beginnings } from './beginnings.ts';

/** What an agent is made of, and what each part is told of the others. Making them opens the journal, no more. */
export class AgentParts {
  readonly config: SiteConfig;
  readonly log: Log;
  readonly found: Found;
  readonly models: Model[];
  readonly slot: string;
  /** Files that the agent, and its embedded server, append to. */
  readonly logs: readonly string[];
  readonly journal: LmdbJournal;
  readonly beacon: Beacon;
  readonly capture: Capture;
  readonly supervised: Supervised;
  readonly history: OwnHistory;
  readonly members: Members;
  readonly health: OwnHealth;
  readonly greeter: Greeter;
  readonly relays: Relays;
  readonly waived: Waived;
  readonly certificates: OwnCertificates;
  /** What shows that a note in the WAL is this agent's. */
  readonly #proof: string;
  readonly marks: Marks;
  readonly tableCheck: TableCheck;
  readonly slotWatch: SlotWatch;
  readonly tombstones: TombstoneCollector;
  readonly settler: Settler;
  readonly upkeep = new Upkeep();
  readonly expired: ExpiredRows;
  readonly afterApply: AfterApply;
  readonly server: LinkServer;
  readonly #follow: Follow;
  /** The agent's own session. */
  readonly session: AgentSession;

  constructor({ root, config, log, client, found, until }: Beginnings) {
    this.config = config;
    this.log = log;
    this.found = found;
    this.session = new AgentSession(client, config, log);
    this.models = found.models.map((model) => model.ir);
    this.slot = slotName(config.group, config.site);
    const dsn = config.database.url;
    this.logs = siteLogs(root, config.database.embedded);
    const { number, name } = found.site;
    const { models, slot } = this;
    this.certificates = new OwnCertificates(root, log);
    this.#proof = proofOf(this.certificates.current);
    this.journal = LmdbJournal.open({
      path: siteFolder(root).journal,
      quotaBytes: config.journal.quotaBytes,
    });
    this.beacon = new Beacon(dsn, () => this.members.needsKnowledge(), this.#proof);
    this.capture = this.#makeCapture();
    this.supervised = supervise({ name: 'capture', part: this.capture, log });
    this.marks = new Marks({ slot, self: number, journal: this.journal });
    this.tableCheck = new TableCheck({ models, site: number, log });
    this.slotWatch = new SlotWatch({ slot, log });
    this.#follow = followWith(this.beacon, config.clock.maxDriftMs);
    const where = { dsn, site: config.site, models, follow: this.#follow };
    this.tombstones = new TombstoneCollector({ ...where, names: () => this.members.names() });
    this.settler = new Settler({
      ...{ dsn, models, log, site: { number, name }, upkeep: this.upkeep },
      siteNames: () => this.members.names(),
      follow: this.#follow,
    });
    this.expired = new ExpiredRows(where);
    this.afterApply = new AfterApply({ dsn, models, commands: config.afterApply, log });
    this.waived = new Waived({ journal: this.journal, log });
    this.members = this.#makeMembers(until);
    this.health = this.#makeHealth();
    this.greeter = this.#makeGreeter();
    this.relays = new Relays({
      ...{ journal: this.journal, log },
      modelHash: () => modelsHeader(found.models),
    });
    this.history = new OwnHistory({
      ...{ client: () => this.client, journal: this.journal, slot, log },
      site: { name, number },
    });
    this.server = this.#makeServer(root);
  }

  /** The agent's own session; another one after `reconnect`. */
  get client(): Client {
    return this.session.client;
  }

  /**
   * Makes the agent's session again; where that cannot be done the old one stays, for the next try.
   *
   * @throws AppError AGENT_ELSEWHERE when another agent works with the database
   */
  async reconnect(): Promise<void> {
    if (await this.session.reconnect()) this.members.reconnected(this.client);
  }

  /** Ends all that runs by itself. */
  async close(): Promise<void> {
    await this.relays.stop();
    await this.members.stop();
    await this.server.close().catch(() => undefined);
    await this.beacon.close();
    await this.expired.close();
    await this.client.end().catch(() => undefined);
    await this.journal.close();
  }

  #makeCapture(): Capture {
    const { site, serverVersion } = this.found;
    return new Capture({
      site: { number: site.number, incarnation: site.incarnation },
      ...{ dsn: this.config.database.url, slot: this.slot, publication: 'crp' },
      ...{ serverMajor: Number.parseInt(serverVersion, 10), journal: this.journal, log: this.log },
      unshipped: unshippedColumns(this.models),
      ...{ names: new TableNames(this.models), proof: this.#proof },
    });
  }

  #makeMembers(until: Beginnings['until']): Members {
    const { site, models, progress } = this.found;
    const address = this.config.link.address;
    return new Members(
      this.client,
      { ...site, address, state: 'active' },
      {
        ...{ config: this.config, models: this.models, modelHash: () => modelsHeader(models) },
        ...{ journal: this.journal, beacon: this.beacon, log: this.log },
        ...{ knowledge: new Knowledge(site.number, until), progress },
        certificates: () => this.certificates.current,
        siteNames: () => this.members.names(),
        applied: () => this.settler.applied(),
        serves: (name) => this.server.serves(name),
        parted: (peer) => this.relays.part(peer),
        lost: (origin, lost) => this.waived.note(origin, lost),
        ...(until === undefined ? {} : { until }),
      },
    );
  }

  #makeGreeter(): Greeter {
    return new Greeter({
      ...{ members: this.members, follow: this.#follow, log: this.log },
      mark: () => this.marks.last(),
      models: modelsHash(this.found.models),
      wanted: () => greatest([this.tombstones.wanted, this.expired.wanted]),
      health: this.health,
    });
  }

  /** What was changed by hand, what the slot costs, what the agent cannot do, and what ends soon. */
  problems(): ErrorNote[] {
    const parts = [this.tableCheck, this.slotWatch, this.upkeep, this.certificates];
    return parts.flatMap((part) => part.problems());
  }

  #makeHealth(): OwnHealth {
    return new OwnHealth({
      capture: () => this.capture.status(),
      captureFailure: () => this.supervised.failure(),
      origins: () =>
        [...this.members.peers(), ...this.members.departed.peers()].map((peer) => ({
          ...{ origin: peer.member.number, status: peer.apply(), failure: peer.failure() },
        })),
      problems: () => this.problems(),
    });
  }

  #makeServer(root: string): LinkServer {
    const { host, port } = this.config.link;
    return new LinkServer({
      ...{ self: this.found.site.number, ...this.certificates.current },
      ...{ journal: this.journal, host, port, log: this.log },
      modelHash: () => modelsHeader(this.found.models),
      isOver: ({ peer, origin }) =>
        this.members.hasLeft(peer) ||
        this.greeter.doubles.isDouble(peer) ||
        (origin === this.found.site.number && this.history.rewound() !== undefined),
      checkHistory: (claim) => this.history.check(claim),
      checkMember: (name) => {
        this.greeter.requireOne(name);
        return knownMember({ client: () => this.client }, name);
      },
      onAck: ({ peer, origin, ...ack }) => {
        if (origin === this.found.site.number) this.members.peer(peer)?.acknowledge(ack);
      },
      routes: siteRoutes({
        client: () => this.client,
        dsn: this.config.database.url,
        ...{ members: this.members, greeter: this.greeter },
        ...{ journal: this.journal, beacon: this.beacon },
        repair: this.#repairContext(),
        ...{ models: this.found.models, root, group: this.config.group },
      }),
    });
  }

  #repairContext(): RouteContext['repair'] {
    const { site, models } = this.found;
    return {
      ...{ site, dsn: this.config.database.url, slot: this.slot, journal: this.journal },
      ...{ models: this.models, modelHash: modelsHash(models) },
      siteName: (number) => this.members.names().get(number) ?? String(number),
    };
  }
}
