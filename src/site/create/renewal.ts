import { createPrivateKey, X509Certificate } from 'node:crypto';
import { existsSync } from 'node:fs';
import type { TLSSocket } from 'node:tls';
import { AppError, describeError } from '../../base/errors.ts';
import { renewAuthority, renewCertificate, siteUri } from '../../link/authority.ts';
import type { SiteName } from '../../link/authority.ts';
import { PeerConnection } from '../../link/client.ts';
import type { Route } from '../../link/server.ts';
import { parseAddress } from '../config/address.ts';
import type { Member } from '../database/catalog.ts';
import { replaceSecret, siteFolder } from '../config/folder.ts';
import { readAuthority, readIdentity } from './group.ts';

/** Path of a request for a new certificate. Its answer has nothing that is secret: keys stay where they are. */
export const CERTIFICATE_PATH = '/v1/certificate';

/** New certificates for the keys that a site and its group have, PEM. */
export interface Renewal {
  authority: string;
  certificate: string;
}

/**
 * Makes them, at a site that has the group's key.
 *
 * @param former the certificate of the site that they are for
 * @throws AppError NOT_THE_AUTHORITY
 */
export async function makeRenewal(root: string, site: SiteName, former: string): Promise<Renewal> {
  const authority = readAuthority(root);
  return {
    authority: await renewAuthority(authority),
    certificate: await renewCertificate(authority, site, former),
  };
}

/**
 * Answers a member with new certificates, for the name and the key with which it came.
 *
 * @param checkMember throws for a site that is no member any more
 */
export function renewalRoute(site: {
  root: string;
  group: string;
  checkMember: (name: string) => Promise<unknown>;
}): Route {
  return async (stream, { peer: name }) => {
    await site.checkMember(name);
    const socket = stream.session?.socket as TLSSocket | undefined;
    const former = socket?.getPeerX509Certificate();
    if (former === undefined) throw new AppError('LINK_CLOSED', 'The peer closed the link');
    const { root, group } = site;
    const renewal = await makeRenewal(root, { group, name }, former.toString());
    stream.respond({ ':status': 200, 'content-type': 'application/json' });
    stream.end(JSON.stringify(renewal));
  };
}

/**
 * Renews the certificates in a site's folder: with the group's key where it is there, otherwise by the first member that
 * has it. An agent that runs takes them by itself (own-certificates.ts).
 *
 * @param members asked for when they are needed
 * @returns the member that made them; undefined when it was this site
 * @throws AppError NOT_THE_AUTHORITY when nobody has the key, or is there; RENEWAL_INVALID
 */
export async function renewSite(
  root: string,
  site: SiteName,
  members: () => Promise<readonly Member[]>,
): Promise<string | undefined> {
  const { identity } = readIdentity(root);
  const isHere = existsSync(siteFolder(root).authorityKey);
  const { by, renewal } = isHere
    ? { by: undefined, renewal: await makeRenewal(root, site, identity.certificate) }
    : await askMembers(root, site, await members());
  checkRenewal(root, site, renewal);
  const folder = siteFolder(root);
  // Each goes with the former other one: the keys are the same.
  replaceSecret(folder.authority, renewal.authority);
  replaceSecret(folder.certificate, renewal.certificate);
  return by;
}

async function askMembers(
  root: string,
  { group, name }: SiteName,
  members: readonly Member[],
): Promise<{ by: string; renewal: Renewal }> {
  const answers: string[] = [];
  for (const member of members) {
    if (member.name === name || member.state !== 'active' || member.address === null) continue;
    try {
      const peer = { name: member.name, ...parseAddress('the member’s address', member.address) };
      const connection = await PeerConnection.open({ peer, group, ...readIdentity(root) });
      try {
        const renewal = (await connection.call(CERTIFICATE_PATH, {})) as Renewal;
        return { by: member.name, renewal };
      } finally {
        connection.close();
      }
    } catch (error) {
      answers.push(`${member.name}: ${describeError(error).split('\n')[0]}`);
    }
  }
  const said = answers.length === 0 ? '' : ` (${answers.join('; ')})`;
  throw new AppError('NOT_THE_AUTHORITY', `No member gives a new certificate${said}`, {
    hint:
      'One that has tls/group.key has to be up. Or put a copy of that file at ' +
      `${siteFolder(root).authorityKey} for this command`,
    retry: 'later',
  });
}

/** @throws AppError RENEWAL_INVALID: the site could not work with these */
function checkRenewal(root: string, { group, name }: SiteName, renewal: Renewal): void {
  const { authority, identity } = readIdentity(root);
  let isFine = false;
  try {
    const issuer = new X509Certificate(renewal.authority);
    const certificate = new X509Certificate(renewal.certificate);
    isFine =
      issuer.publicKey.equals(new X509Certificate(authority).publicKey) &&
      certificate.verify(issuer.publicKey) &&
      certificate.checkPrivateKey(createPrivateKey(identity.key)) &&
      certificate.subjectAltName === `URI:${siteUri(group, name)}`;
  } catch {
    // No certificates at all.
  }
  if (isFine) return;
  throw new AppError(
    'RENEWAL_INVALID',
    `The new certificates are not for "${name}" of this group`,
    {
      hint: 'Is the group.key that was used that of this group? Nothing was changed',
    },
  );
}
