import type { Client } from 'pg';
import { describeError } from '../../base/errors.ts';
import type { ErrorNote } from '../../base/errors.ts';
import type { CaptureStatus } from '../../capture/capture.ts';
import { describePassedOver } from '../../capture/passed-over.ts';
import type { PassedOver } from '../../capture/passed-over.ts';
import type { Journal } from '../../journal/journal.ts';
import { formatLsn } from '../../postgres/lsn.ts';
import { POSTGRES_EPOCH_MS } from '../../postgres/replication.ts';
import type { CommandStatus } from '../upkeep/after-apply.ts';
import type { AgentParts } from './agent-parts.ts';
import type { CertificatesStatus } from '../config/certificates.ts';
import type { PeerHealthStatus } from '../members/peer-health.ts';
import type { Peer } from '../members/peer.ts';
import type { SlotStatus } from '../database/slot-problems.ts';
import { readSlotStatus } from '../database/slot-watch.ts';
import type { WaivedStatus } from '../upkeep/waived.ts';

/** What `syncline status --json` prints (docs/operating/status.md). */
export interface SiteStatus {
  site: string;
  number: number;
  group: string;
  incarnation: number;
  pid: number;
  /** Rounds of the agent since it started: greetings, retention, a look at the members. */
  rounds: number;
  models: { name: string; revision: string; hash: string }[];
  /** `error`: why the agent cannot ask it now. */
  database: { server: string; embedded: boolean; error?: string };
  capture: {
    state: string;
    by?: 'walsender' | 'calls';
    position: string;
    /** All that was committed before it is in the journal (ISO 8601). */
    until?: string;
    /** Changes that no other site gets, since the agent started. */
    passedOver: PassedOver[];
    lastError?: ErrorNote;
  };
  certificates: CertificatesStatus;
  /** Null when the database cannot be asked, and when there is no slot. */
  slot: SlotStatus | null;
  journal: { bytes: number; quotaBytes: number; batches: number };
  /** Null when the database cannot be asked. */
  conflicts: { total: number; parked: number } | null;
  /** Programs that run after apply; without any it is empty. */
  afterApply: CommandStatus[];
  peers: PeerStatus[];
  /** Sites that may join, or are about to: there is no peer of them yet. */
  newcomers: { name: string; number: number; state: 'invited' | 'joining' }[];
  /** Members that say that this site was removed from the group; then they give and take nothing. */
  dismissedBy: string[];
  /** A member has what this site wrote before it was put back to an earlier state: nothing of it is given any more. */
  rewound?: { peer: string; position: string };
  /** Members of which two agents run, from a copy of folder and database; they are refused. */
  twice: string[];
  /** Changes of lost sites that were applied without what they were made with knowledge of: that is nowhere. */
  waived: WaivedStatus[];
  /** Replicated tables that are not as they were made or adopted: what is wrong and what to do. */
  problems: ErrorNote[];
  /** Where rows expire: what was last written before this time goes when its time comes (ISO 8601). */
  stableUntil?: string;
  /** The newest error of any part. */
  lastError?: ErrorNote;
}

export interface PeerStatus {
  name: string;
  number: number;
  address: string;
  link: string;
  apply: string;
  /** How far this site is behind the member. */
  lag: { seconds: number; batches: number };
  /** How the member's capture does, as it said last; `silent` when that is a minute ago. Absent of earlier builds. */
  capture?: PeerHealthStatus['capture'];
  /** Sites whose changes the member does not apply now. */
  unapplied: PeerHealthStatus['unapplied'];
  /** What was changed by hand at the member. */
  problems: ErrorNote[];
  /** Batches of this site that the member has not journalled, or not applied, durably yet. */
  behind: { durable: number; applied: number };
  transactions: number;
  changes: number;
  conflicts: number;
  lastError?: ErrorNote;
}

/** The status of a running agent. @param rounds that it has done */
export async function siteStatus(parts: AgentParts, rounds: number): Promise<SiteStatus> {
  const { config, found, journal, members, expired } = parts;
  const { site, models, serverVersion } = found;
  const all = [...members.peers(), ...members.departed.peers()];
  const names = members.names();
  const peers = all.map((peer) => peerStatus(peer, { journal, self: site.number, names }));
  const capture = captureStatus(parts.capture.status(), parts.supervised.failure());
  const afterApply = parts.afterApply.status();
  const stableUntil = expired.stableUntil();
  const { conflicts, slot, error } = await askDatabase(parts);
  const rewound = parts.history.rewound();
  const problems = parts.problems();
  const lastError = newest([
    ...[capture, ...peers, ...afterApply].map((part) => part.lastError),
    ...problems,
  ]);
  return {
    ...{ site: site.name, number: site.number, group: config.group },
    ...{ incarnation: site.incarnation, pid: process.pid, rounds },
    models: models.map(({ ir, hash }) => ({ name: ir.name, revision: ir.revision, hash })),
    database: {
      ...{ server: serverVersion, embedded: config.database.embedded !== undefined },
      ...(error === undefined ? {} : { error }),
    },
    capture,
    certificates: parts.certificates.ends(),
    slot,
    journal: journal.stats(),
    conflicts,
    afterApply,
    peers,
    newcomers: members.newcomers(),
    dismissedBy: members.dismissedBy(),
    twice: parts.greeter.doubles.names(),
    waived: parts.waived.status(members.names()),
    problems,
    ...(stableUntil === undefined ? {} : { stableUntil }),
    ...(rewound && { rewound: { peer: rewound.peer, position: formatLsn(rewound.position) } }),
    ...(lastError === undefined ? {} : { lastError }),
  };
}

/** Without the database the rest of the status is what an operator needs to find out why. */
async function askDatabase(
  parts: AgentParts,
): Promise<Pick<SiteStatus, 'conflicts' | 'slot'> & { error?: string }> {
  const { client } = parts;
  try {
    const slot = await readSlotStatus(client, parts.slot);
    return { conflicts: await countConflicts(client), slot: slot ?? null };
  } catch (error) {
    return { conflicts: null, slot: null, error: parts.session.error ?? describeError(error) };
  }
}

async function countConflicts(client: Client): Promise<{ total: number; parked: number }> {
  const { rows } = await client.query<{ total: string; parked: string }>(
    `SELECT count(*) AS total, count(*) FILTER (WHERE status = 'parked') AS parked FROM crp.conflict`,
  );
  return { total: Number(rows[0]!.total), parked: Number(rows[0]!.parked) };
}

/** The status of one peer. */
function peerStatus(peer: Peer, here: PeerView): PeerStatus {
  const { journal, self, names } = here;
  const link = peer.link();
  const apply = peer.apply();
  const failure = peer.failure();
  const lastError = newest([
    link.lastError,
    apply.lastError,
    failure === undefined ? undefined : { at: new Date().toISOString(), message: failure },
    ...peer.health.errors(names, link.state === 'connected'),
  ]);
  return {
    name: peer.member.name,
    number: peer.member.number,
    address: peer.member.address ?? '',
    link: peer.member.state === 'left' ? 'left' : link.state,
    apply: failure === undefined ? apply.state : 'failed',
    lag: lagOf(peer, journal),
    ...peer.health.status(names),
    behind:
      peer.member.state === 'left' ? { durable: 0, applied: 0 } : behindOf(peer, journal, self),
    transactions: apply.transactions,
    changes: apply.changes,
    conflicts: apply.conflicts,
    ...(lastError === undefined ? {} : { lastError }),
  };
}

/** What a peer is seen with. */
interface PeerView {
  journal: Journal;
  self: number;
  names: ReadonlyMap<number, string>;
}

function behindOf(peer: Peer, journal: Journal, self: number): PeerStatus['behind'] {
  const { durable, applied } = peer.acknowledged;
  return { durable: journal.count(self, durable), applied: journal.count(self, applied) };
}

/**
 * With a backlog: the age of the last transaction that was applied. Without one: the time since the peer
 * was last heard of, if the link is down, since nobody knows what waits there. But no less than for how long something that
 * the peer has is under way, and than the age of what it has captured, once that is a minute.
 */
function lagOf(peer: Peer, journal: Journal): PeerStatus['lag'] {
  const link = peer.link();
  const { applied, commitTime } = peer.apply();
  const batches = journal.count(peer.member.number, applied);
  const now = Date.now();
  const contact = link.contactAt === undefined ? 0 : (now - link.contactAt) / 1000;
  const age =
    commitTime === 0n ? 0 : now / 1000 - (Number(commitTime) / 1e3 + POSTGRES_EPOCH_MS) / 1e3;
  const here = batches > 0 ? age : link.state === 'connected' ? 0 : contact;
  const { number, state } = peer.member;
  const underWay = state === 'left' ? 0 : peer.underWay.seconds(journal.position(number));
  const seconds = Math.max(here, peer.health.behind(), underWay);
  return { seconds: Math.max(0, Math.round(seconds * 10) / 10), batches };
}

function captureStatus(status: CaptureStatus, failure?: string): SiteStatus['capture'] {
  const state = failure === undefined ? status.state : 'failed';
  const passedOver = status.passedOver.map((one) => ({
    at: one.at,
    message: describePassedOver(one),
  }));
  const lastError =
    failure === undefined
      ? newest([status.lastError, ...passedOver])
      : { at: new Date().toISOString(), message: failure };
  return {
    state,
    ...(status.by === undefined ? {} : { by: status.by }),
    position: formatLsn(status.position),
    ...(status.behind === undefined
      ? {}
      : { until: new Date(Date.now() - status.behind).toISOString() }),
    passedOver: status.passedOver,
    ...(lastError === undefined ? {} : { lastError }),
  };
}

/** The newest of some errors. */
function newest(errors: readonly (ErrorNote | undefined)[]): ErrorNote | undefined {
  return errors
    .filter((error) => error !== undefined)
    .sort((one, other) => one.at.localeCompare(other.at))
    .at(-1);
}
