/** What goes wrong with a link in words, and what to do about it. */
import { AppError } from '../base/errors.ts';
import { networkText } from '../base/network-errors.ts';

/** A peer and where it is. */
interface Address {
  name: string;
  host: string;
  port: number;
}

/** Node's codes of a certificate that it could not trace to the group's authority (X509_V_ERR). */
const FOREIGN =
  /^(UNABLE_TO_(GET_ISSUER|VERIFY_LEAF)|(DEPTH_ZERO_)?SELF_SIGNED|CERT_|INVALID_(CA|PURPOSE))/;
/** What answers is no TLS, or another one than ours. */
const OTHER_PROTOCOL =
  /^ERR_SSL_(WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|HTTP_REQUEST|UNSUPPORTED_PROTOCOL|UNEXPECTED_MESSAGE|TLSV1_ALERT_PROTOCOL_VERSION)$/;
/** What to do about that, and about the certificate of another one. */
const THROUGH_HINT =
  'Is the address right? Whatever is on the way, a proxy or a load balancer, has to pass TCP through: each site looks at ' +
  'the other one’s certificate';

/** What a code of the network or of TLS means for a link to a peer. */
export function linkError(peer: Address, code: string, cause: unknown): AppError {
  const { name, host, port } = peer;
  const where = `${host}:${port}`;
  const told = (kind: string, message: string, hint: string): AppError =>
    new AppError(kind, message, { hint, retry: 'later', cause });
  if (/^CERT_(HAS_EXPIRED|NOT_YET_VALID)$/.test(code)) {
    const hint =
      'Is the clock of this machine right? Certificates are good for ten years (docs/operating/recover.md)';
    return told('LINK_CERTIFICATE', `The certificate of ${name} is not valid now: ${code}`, hint);
  }
  if (FOREIGN.test(code)) {
    const message = `What answers for ${name} at ${where} has no certificate of this group: ${code}`;
    return told('LINK_CERTIFICATE', message, THROUGH_HINT);
  }
  if (OTHER_PROTOCOL.test(code)) {
    return told(
      'LINK_PEER',
      `What answers for ${name} at ${where} is no agent: ${code}`,
      THROUGH_HINT,
    );
  }
  if (/^ERR_SSL|CERT/.test(code)) {
    const hint =
      'Both sites need certificates of the same group: join this site with an invitation of the group';
    return told('LINK_CERTIFICATE', `${name} refused this site’s certificate: ${code}`, hint);
  }
  if (code.startsWith('ERR_')) {
    return told('LINK_CLOSED', `${name} closed the link: ${code}`, CLOSED_HINT);
  }
  // Of the time-out of `open`.
  const why = code === 'ABORT_ERR' ? 'no answer' : networkText(code);
  return told(
    'LINK_UNREACHABLE',
    `Cannot reach ${name} at ${where}: ${why}`,
    unreachableHint(code),
  );
}

function unreachableHint(code: string): string {
  if (/^(ENOTFOUND|EAI_AGAIN)$/.test(code)) {
    return 'Correct the name where it stands, link.address in the syncline.yaml of that site, or at the name server of this machine';
  }
  return 'Is its agent up (syncline up), and is the address right?';
}

/** What a site does that is no member any more. */
export const REMOVED_HINT =
  'It gets and gives nothing. Its database stays as it is: syncline leave ends its membership there. To come back ' +
  'it joins afresh, under another name: syncline invite NAME, at a member';

/** What to do where a peer ends a link. */
export const CLOSED_HINT = 'Is its agent still up? Its log says why it ended; then try again';
/** What to do about two agents of one site. */
export const TWICE_HINT =
  'Its folder and its database were copied: stop the agent of the copy for good. Half a minute later the site is heard ' +
  'again. What was written into the database of the copy is there only';

/** What a site needs that is about to join. */
export const ALL_UP_HINT =
  'A site can join while all members are up: start their agents, or take out those that are gone for good (syncline ' +
  'remove), then join again';

/** What to do, by the peer's code. */
export const HINTS: Readonly<Record<string, string>> = {
  MODEL_MISMATCH:
    'Take the same revision at both sites (syncline adopt); data flow again by themselves then',
  MEMBER_LEFT: REMOVED_HINT,
  MEMBER_UNREACHABLE: ALL_UP_HINT,
  NOT_INVITED:
    'That member has no invitation of it, or its number went to a site that another member invited at the same time: ' +
    'make one there, syncline invite NAME',
  INVITATION_EXPIRED:
    'Make a new one, at a member that has the group’s key: syncline invite NAME (--expires says for how long). A join ' +
    'that broke off goes on with it',
  MEMBER_EXISTS:
    'A name is given once. If that site is gone for good take it out (syncline remove); invite this one under another name',
  NOT_THE_AUTHORITY:
    'The member that made the invitation has no tls/group.key any more: put a copy of it there, or invite at one that has it',
  NOT_FOUND: 'Its agent may run an earlier build: stop it, and start it with this one',
  INVITATION_VOID:
    'Join with the invitation that was made last: at that member, syncline invite NAME',
  BASE_WAITS:
    'A copy begins when all transactions there have ended that have written: end these, then try again',
  JOURNAL_TRIMMED:
    'This site was away for too long, or was put back: let it leave (syncline leave), or take it out at another member ' +
    '(syncline remove), and join afresh with a new name (docs/operating/recover.md)',
  SITE_REWOUND:
    'That site lost changes that were shipped, and writes others in their place. Stop its agent, take it out here ' +
    '(syncline remove) and have it join afresh with a new name (docs/operating/recover.md)',
  SITE_TWICE: TWICE_HINT,
  SITE_BEHIND: 'It is tried again by itself: that site reads again what a crash of its agent took',
};
