/** How a site gets its own certificate with an invitation: for a key that it makes, and that stays where it is. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import { AppError } from '../../base/errors.ts';
import { certifyKey, invitationEnds, requestCertificate, siteUri } from '../../link/authority.ts';
import type { Identity } from '../../link/authority.ts';
import { PeerConnection } from '../../link/client.ts';
import { INVITED_PATH, readJson } from '../../link/requests.ts';
import type { Route } from '../../link/server.ts';
import { parseAddress } from '../config/address.ts';
import { isSiteNumber } from '../config/config.ts';
import type { Member } from '../database/catalog.ts';
import { readAuthority } from './group.ts';
import type { Invitation } from './group.ts';
import { memberExists } from './numbers.ts';

/** The member may have much to do: as patient as with the base copy, which is next. */
const SILENCE_MS = 60_000;

/** How long a member may take to answer a site that joins: nothing tries again by itself, and both may be busy machines. */
export const CONNECT_MS = 30_000;

/** What a site is given. */
export interface Certified {
  /** PEM. */
  certificate: string;
  /** Its number, which another site may have had meanwhile that the invitation says. */
  number: number;
}

/**
 * Answers a site that comes with an invitation: certifies its key, and says its number.
 *
 * @param site `checkMember` throws for a site that has left, or that nobody invited; `numberOf` as `joinNumber`
 */
export function certificationRoute(site: {
  root: string;
  group: string;
  checkMember: (name: string) => Promise<Member>;
  numberOf: (site: { name: string; invited: number }) => Promise<number | undefined>;
}): Route {
  const { root, group, checkMember, numberOf } = site;
  return async (stream, { peer: name }) => {
    const socket = stream.session?.socket as TLSSocket | undefined;
    const shown = socket?.getPeerX509Certificate();
    if (shown === undefined) throw new AppError('LINK_CLOSED', 'The peer closed the link');
    requireGood(shown);
    const { request, number: invited } = checkRequest(await readJson(stream));
    const number = await numberOf({ name, invited });
    // It says who nobody invited, and who has left.
    const member = await checkMember(name);
    if (number === undefined) throw memberExists(member);
    const certificate = await certifyKey(readAuthority(root), { group, name }, request);
    if (certificate === undefined) throw invalid();
    const certified: Certified = { certificate, number };
    stream.respond({ ':status': 200, 'content-type': 'application/json' });
    stream.end(JSON.stringify(certified));
  };
}

/** @throws AppError INVITATION_EXPIRED, LINK_PROTOCOL for the certificate of a site */
function requireGood(certificate: X509Certificate): void {
  const ends = invitationEnds(certificate);
  if (ends === undefined) throw invalid();
  if (ends.getTime() < Date.now()) throw expired(ends.toISOString());
}

function checkRequest(value: unknown): { request: string; number: number } {
  const { request, number } = (value ?? {}) as { request?: unknown; number?: unknown };
  if (typeof request !== 'string' || !isSiteNumber(number)) throw invalid();
  return { request, number };
}

function invalid(): AppError {
  return new AppError('LINK_PROTOCOL', 'That is no request of a site with an invitation', {
    hint: 'The sites may run different versions of Syncline',
  });
}

function expired(ends: string): AppError {
  return new AppError('INVITATION_EXPIRED', `The invitation was good until ${ends}`, {
    hint: 'Make a new one, at a member that has the group’s key: syncline invite NAME (--expires says for how long)',
  });
}

/**
 * Makes the key of a new site and has it certified by the member that invited it.
 *
 * @throws AppError INVITATION_EXPIRED, those of the member and of the link, RENEWAL_INVALID
 */
export async function certify(
  invitation: Invitation & { expires: string },
  signal?: AbortSignal,
): Promise<{ identity: Identity; number: number }> {
  const { group, site: name, by, via, authority, expires } = invitation;
  if (Date.parse(expires) < Date.now()) throw expired(expires);
  const at = by ?? via;
  const peer = { name: at.name, ...parseAddress('the inviting site’s address', at.address) };
  const { key, request } = await requestCertificate({ group, name });
  const connection = await PeerConnection.open({
    ...{ peer, group, authority, identity: invitation.identity, connectMs: CONNECT_MS },
  });
  const close = (): void => connection.close();
  signal?.addEventListener('abort', close, { once: true });
  try {
    const asked = { request, number: invitation.number };
    const answer = await connection.call(INVITED_PATH, asked, SILENCE_MS);
    const { certificate, number } = answer as Certified;
    const identity = { certificate, key };
    if (!isFor(identity, invitation) || !isSiteNumber(number)) throw unfit(at.name);
    return { identity, number };
  } finally {
    signal?.removeEventListener('abort', close);
    close();
  }
}

function isFor({ certificate, key }: Identity, { group, site, authority }: Invitation): boolean {
  try {
    const made = new X509Certificate(certificate);
    return (
      made.verify(new X509Certificate(authority).publicKey) &&
      made.checkPrivateKey(createPrivateKey(key)) &&
      made.subjectAltName === `URI:${siteUri(group, site)}`
    );
  } catch {
    return false;
  }
}

function unfit(member: string): AppError {
  return new AppError('LINK_PROTOCOL', `"${member}" answered with no certificate of this site`, {
    hint: 'The sites may run different versions of Syncline',
  });
}
