import { supervise } from '../../base/supervise.ts';
import type { Supervised } from '../../base/supervise.ts';
import type { Beacon } from '../../apply/beacon.ts';
import type { Applier, ApplierStatus } from '../../apply/applier.ts';
import { createApplier } from '../../apply/apply-origin.ts';
import type { Knowledge, Lost } from '../../apply/knowledge.ts';
import type { Log } from '../../base/log.ts';
import type { Journal } from '../../journal/journal.ts';
import type { PeerOptions } from '../../link/client.ts';
import { Puller } from '../../link/puller.ts';
import type { PullerStatus } from '../../link/puller.ts';
import type { Model } from '../../model/ir/ir.ts';
import { parseAddress } from '../config/address.ts';
import type { Member } from '../database/catalog.ts';
import type { SiteConfig } from '../config/config.ts';
import type { Statement } from './extent.ts';
import { PeerHealth } from './peer-health.ts';
import type { SiteView } from './stability.ts';
import { UnderWay } from './under-way.ts';

/** What all peers of a site share. */
export interface PeerContext {
  config: SiteConfig;
  models: Model[];
  modelHash: () => string;
  journal: Journal;
  knowledge: Knowledge;
  beacon: Beacon;
  /** Those that count now. */
  certificates: () => Pick<PeerOptions, 'authority' | 'identity'>;
  siteNames: () => ReadonlyMap<number, string>;
  /** Of each origin nothing after this position is applied; without it there is no end. */
  until?: ReadonlyMap<number, bigint>;
  /** Called before changes of the origin are applied that were made with knowledge of what is nowhere any more. */
  lost: (origin: number, lost: readonly Lost[]) => void;
  /** Called after every transaction that applied something. */
  applied: () => void;
  log: Log;
}

/** Positions of this site's own batches that a member has acknowledged; 0n until it is heard of. */
export interface Acknowledged {
  durable: bigint;
  applied: bigint;
}

/** One other member as this site works with it: its journal is pulled, and its changes are applied. */
export class Peer {
  readonly member: Member;
  readonly acknowledged: Acknowledged = { durable: 0n, applied: 0n };
  /** What the member says it has applied of every origin; undefined until it is heard of. */
  knows: ReadonlyMap<number, bigint> | undefined;
  /** What it said of its journal; undefined until it did. */
  statement: Statement | undefined;
  /** What it last answered to a greeting of this site; undefined until it did. */
  answered: SiteView | undefined;
  /** True since it said that this site is no member any more. */
  dismisses = false;
  /** The sites that it said it is connected to. */
  hears: ReadonlySet<number> = new Set();
  /** What it says of its own parts. */
  readonly health: PeerHealth;
  /** What it said it has and has not come yet. */
  readonly underWay = new UnderWay();
  readonly #connection: () => PeerOptions;
  readonly #puller: Puller;
  readonly #applier: Applier;
  readonly #stop = new AbortController();
  #parts: Supervised[] = [];
  #running: Promise<unknown> = Promise.resolve();

  /** A member that has left is not asked any more; what is here of it, or is relayed, is applied. */
  constructor(member: Member, context: PeerContext) {
    this.member = member;
    const { config, journal } = context;
    this.health = new PeerHealth(member.name, context.log);
    const address = parseAddress('the member’s address', member.address ?? '');
    const peer = { name: member.name, ...address };
    this.#connection = () => ({ peer, group: config.group, ...context.certificates() });
    const { until, ...rest } = context;
    this.#applier = createApplier({
      ...rest,
      ...(until === undefined ? {} : { until: until.get(member.number) ?? 0n }),
      site: { name: config.site, number: config.number },
      ...{ origin: member.number, incarnation: member.incarnation, dsn: config.database.url },
      maxClockDriftMicros: BigInt(config.clock.maxDriftMs) * 1000n,
      onLost: (lost) => context.lost(member.number, lost),
      onApplied: () => context.applied(),
    });
    this.#puller = new Puller({
      connection: this.#connection,
      ...{ origin: member.number, journal, modelHash: context.modelHash, log: context.log },
      applied: () => this.#applier.appliedDurably(),
    });
    this.#parts = [
      supervise({ name: `apply from ${member.name}`, part: this.#applier, log: context.log }),
      ...(member.state === 'left'
        ? []
        : [supervise({ name: `link to ${member.name}`, part: this.#puller, log: context.log })]),
    ];
  }

  /** What a connection to it is made with now. */
  get connection(): PeerOptions {
    return this.#connection();
  }

  start(): void {
    this.#running = Promise.all(this.#parts.map((part) => part.run(this.#stop.signal)));
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  acknowledge(ack: Acknowledged): void {
    this.acknowledged.durable = ack.durable;
    this.acknowledged.applied = ack.applied;
  }

  link(): PullerStatus {
    return this.#puller.status();
  }

  apply(): ApplierStatus {
    return this.#applier.status();
  }

  appliedDurably(): bigint {
    return this.#applier.appliedDurably();
  }

  /** Why a part stopped, as long as it has not gone on. */
  failure(): string | undefined {
    return this.#parts.map((part) => part.failure()).find((failure) => failure !== undefined);
  }
}
