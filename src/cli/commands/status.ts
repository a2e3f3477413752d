import { Command } from 'commander';
import { askAgent } from '../../site/agent/control.ts';
import type { RemoteState } from '../../site/members/peer-health.ts';
import type { PeerStatus, SiteStatus } from '../../site/agent/status.ts';
import type { CertificatesStatus } from '../../site/config/certificates.ts';
import type { SlotStatus } from '../../site/database/slot-problems.ts';
import { formatBytes } from '../../site/config/units.ts';
import { dirOption, jsonOption } from '../options.ts';
import { formatTable } from '../table.ts';
import { visible } from '../visible.ts';

/** `syncline status`: what the agent does, and how far the sites are apart. */
export function statusCommand(): Command {
  return new Command('status')
    .description('show peers, lag, journal, conflicts and the last error')
    .addOption(dirOption())
    .addOption(jsonOption())
    .action(async (options: { dir: string; json: boolean }) => {
      const status = (await askAgent(options.dir, 'status')) as SiteStatus;
      console.log(options.json ? JSON.stringify(status) : visible(describe(status)));
    });
}

function describe(status: SiteStatus): string {
  const { journal, conflicts, capture, database, certificates } = status;
  const models = status.models.map(({ name, revision }) => `${name}@${revision}`).join(', ');
  const lines = [
    `site       ${status.site} (number ${status.number}) of group ${status.group}, agent process ${status.pid}`,
    `database   PostgreSQL ${database.server}${database.embedded ? ' (embedded)' : ''}; models ${models}`,
    ...(database.error === undefined ? [] : [`           cannot be asked: ${database.error}`]),
    `capture    ${capture.state} at ${capture.position}${untilText(capture)}`,
    ...slotLine(status.slot),
    ...linksLine(certificates),
    `journal    ${formatBytes(journal.bytes)} of ${formatBytes(journal.quotaBytes)}, ${journal.batches} batches`,
    `conflicts  ${counted(conflicts)}`,
    ...newcomerLines(status),
    ...(status.dismissedBy.length === 0
      ? []
      : [
          `removed    says ${status.dismissedBy.join(', ')}: this site is no member any more and gets nothing. ` +
            'Its database stays; syncline leave ends the rest. To come back join under another name',
        ]),
    ...status.twice.map(
      (site) =>
        `twice      two agents run as site ${site}, from a copy of its folder: it is refused until one of them was stopped ` +
        'half a minute ago',
    ),
    ...(status.rewound === undefined
      ? []
      : [
          `put back   ${status.rewound.peer} has what this site wrote up to ${status.rewound.position}, and it has not: it ` +
            'was put back to an earlier state, and gives nothing of its own any more. It has to join afresh under another ' +
            'name (docs/operating/recover.md)',
        ]),
    ...status.waived.map(
      ({ site, without, after, upTo }) =>
        `lost       changes of ${without} after ${after}, up to ${upTo}: no member has them. Those of ${site} that were ` +
        'made with knowledge of them are applied without them',
    ),
    ...status.problems.map(({ at, message }) => `problem    ${message} (seen since ${at})`),
    ...status.peers.flatMap(peerLines),
    ...(status.lastError === undefined
      ? []
      : [`last error ${status.lastError.at} ${status.lastError.message}`]),
    '',
    status.peers.length === 0 ? 'no peers yet: syncline invite NAME' : peers(status),
  ];
  return lines.join('\n');
}

/** What the slot costs the server; an agent that runs since before this build does not say it. */
function slotLine(slot: SlotStatus | null | undefined): string[] {
  if (slot === null || slot === undefined) return [];
  const { name, walStatus, walBytes = 0, safeBytes, xminAge, catalogXminAge } = slot;
  const facts = [
    `${name} keeps ${formatBytes(walBytes)} of WAL (${walStatus})`,
    ...(safeBytes === undefined ? [] : [`lost after ${formatBytes(Math.max(0, safeBytes))} more`]),
    ...(xminAge === undefined ? [] : [`xmin ${xminAge} transactions ago`]),
    ...(catalogXminAge === undefined ? [] : [`catalog_xmin ${catalogXminAge} transactions ago`]),
  ];
  return [`slot       ${facts.join(', ')}`];
}

/** An agent that runs since before this build does not say it. */
function linksLine(certificates: CertificatesStatus | undefined): string[] {
  if (certificates === undefined) return [];
  const { site, authority } = certificates;
  return [
    `links      certificate of the site good for ${site.days} days, of the group for ${authority.days}`,
  ];
}

/** What an agent says of a peer's own parts; one that runs since before this build does not say it. */
type PeerParts = Pick<PeerStatus, 'name' | 'capture'> &
  Partial<Pick<PeerStatus, 'unapplied' | 'problems'>>;

/** What is wrong at a peer, a line each. */
function peerLines({ name, capture, unapplied = [], problems = [] }: PeerParts): string[] {
  const works = capture === undefined || /^(starting|running)$/.test(capture.state);
  return [
    ...(works ? [] : [`peer       ${name}: capture ${stateText(capture)}`]),
    ...unapplied.map(
      ({ site, ...part }) => `peer       ${name}: apply of ${site} ${stateText(part)}`,
    ),
    ...problems.map(
      ({ at, message }) => `problem    at ${name}: ${oneLine(message)} (seen since ${at})`,
    ),
  ];
}

function stateText({ state, since, until, lastError }: RemoteState & { until?: string }): string {
  const error = lastError === undefined ? '' : `: ${oneLine(lastError.message)}`;
  const from = since === undefined ? '' : ` since ${since}`;
  return `${state}${from}${untilText({ state, ...(until && { until }) })}${error}`;
}

/** How far capture is where it does not run. */
function untilText({ state, until }: { state: string; until?: string }): string {
  return state === 'running' || until === undefined
    ? ''
    : `, with all that was committed before ${until}`;
}

function oneLine(message: string): string {
  return message.replace(/\s*\n\s*/g, '; ');
}

/** Sites that are no peers yet; an agent that runs since before this build does not say which. */
function newcomerLines({ newcomers = [] }: Partial<Pick<SiteStatus, 'newcomers'>>): string[] {
  return newcomers.map(({ name, number, state }) =>
    state === 'invited'
      ? `invited    ${name} (number ${number}); syncline remove ${name} takes the invitation back`
      : `joining    ${name} (number ${number}): what is written is kept for it until it has joined and its agent is up; ` +
        `if it does not come, syncline remove ${name}`,
  );
}

function counted(conflicts: SiteStatus['conflicts']): string {
  if (conflicts === null) return 'not known: the database cannot be asked';
  return `${conflicts.total}${conflicts.parked > 0 ? `, ${conflicts.parked} parked` : ''}`;
}

function peers(status: SiteStatus): string {
  const header = ['peer', 'address', 'link', 'apply', 'lag', 'to apply', 'to send', 'changes'];
  const rows = status.peers.map((peer) => [
    ...[peer.name, peer.address, peer.link, peer.apply, `${peer.lag.seconds} s`],
    ...[`${peer.lag.batches} batches`, `${peer.behind.durable} batches`, peer.changes],
  ]);
  return formatTable(header, rows);
}
