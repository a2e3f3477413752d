import { webcrypto, X509Certificate as NodeCertificate } from 'node:crypto';

const SIGNING = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const YEARS = 10;
const DAY_MS = 86_400_000;
/** An invitation's certificate is good for so much longer than the invitation: its bearer can be told why it is refused. */
const TOLD_MS = 7 * DAY_MS;
/** extendedKeyUsage of an end of a connection that only calls (RFC 5280, 4.2.1.12). */
const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2';

/** Loaded when it is needed: it takes longer than all the rest of an agent, which may never need it. */
async function certificates(): Promise<typeof import('@peculiar/x509')> {
  // The library resolves its parts through it; it must be loaded before.
  await import('reflect-metadata');
  const library = await import('@peculiar/x509');
  library.cryptoProvider.set(webcrypto);
  return library;
}

/** A certificate and its private key, both PEM. */
export interface Identity {
  certificate: string;
  key: string;
}

/** The name that a site's certificate carries as subjectAltName URI (RFC 5280, 4.2.1.6). */
export function siteUri(group: string, site: string): string {
  return `syncline://${group}/${encodeURIComponent(site)}`;
}

/**
 * Makes the certificate authority of a group: whoever has a certificate of it is a member.
 *
 * @param at when it is made
 */
export async function createAuthority(group: string, at?: Date): Promise<Identity> {
  const keys = await webcrypto.subtle.generateKey(SIGNING, true, ['sign', 'verify']);
  const certificate = await selfSigned(`CN=Syncline group ${group}`, keys, at);
  return { certificate, key: await exportKey(keys.privateKey) };
}

/**
 * Makes an authority's certificate again, with the same name and key: sites that have the former one and sites that have
 * this one accept each other, as long as the former one is good.
 *
 * @returns the certificate, PEM
 */
export async function renewAuthority(authority: Identity): Promise<string> {
  const { X509Certificate } = await certificates();
  const former = new X509Certificate(authority.certificate);
  const privateKey = await importKey(authority.key);
  const publicKey = await former.publicKey.export(SIGNING, ['verify']);
  return selfSigned(former.subject, { privateKey, publicKey });
}

async function selfSigned(name: string, keys: webcrypto.CryptoKeyPair, at?: Date): Promise<string> {
  const { BasicConstraintsExtension, X509CertificateGenerator } = await certificates();
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name,
    keys,
    signingAlgorithm: SIGNING,
    ...validity(at),
    extensions: [new BasicConstraintsExtension(true, 0, true)],
  });
  return certificate.toString('pem');
}

/** A site by the names that its certificate carries. */
export interface SiteName {
  group: string;
  name: string;
}

/**
 * Issues a site's certificate, good for both ends of a connection.
 *
 * @param at when it is issued
 */
export async function issueCertificate(
  authority: Identity,
  site: SiteName,
  at?: Date,
): Promise<Identity> {
  const keys = await webcrypto.subtle.generateKey(SIGNING, true, ['sign', 'verify']);
  const certificate = await sign(authority, { ...site, publicKey: keys.publicKey }, validity(at));
  return { certificate, key: await exportKey(keys.privateKey) };
}

/**
 * Issues a site's certificate again, for the key that it has.
 *
 * @param former the site's certificate, PEM
 * @returns the new one, PEM
 */
export async function renewCertificate(
  authority: Identity,
  site: SiteName,
  former: string,
): Promise<string> {
  const { X509Certificate } = await certificates();
  const publicKey = await new X509Certificate(former).publicKey.export(SIGNING, ['verify']);
  return sign(authority, { ...site, publicKey });
}

/**
 * Issues the certificate of an invitation, for one end of a connection: it gets its bearer the certificate of a site, for a
 * key of his own (certifyKey), and nothing else (server.ts).
 *
 * @param until when the invitation expires
 */
export async function issueInvitation(
  authority: Identity,
  site: SiteName,
  until: Date,
): Promise<Identity> {
  const keys = await webcrypto.subtle.generateKey(SIGNING, true, ['sign', 'verify']);
  const { notBefore } = validity();
  const notAfter = new Date(until.getTime() + TOLD_MS);
  const certificate = await sign(
    authority,
    { ...site, publicKey: keys.publicKey, isInvitation: true },
    { notBefore, notAfter },
  );
  return { certificate, key: await exportKey(keys.privateKey) };
}

/** When the invitation expires whose certificate this is; undefined for the certificate of a site. */
export function invitationEnds(certificate: NodeCertificate): Date | undefined {
  const usages = certificate.keyUsage ?? [];
  if (usages.length !== 1 || usages[0] !== CLIENT_AUTH) return undefined;
  return new Date(Date.parse(certificate.validTo) - TOLD_MS);
}

/** A key that a site has made, and the request for its certificate (PKCS #10), both PEM. */
export interface KeyRequest {
  key: string;
  request: string;
}

/** Makes a key, and a request for its certificate that whoever has the key has signed. */
export async function requestCertificate(site: SiteName): Promise<KeyRequest> {
  const { Pkcs10CertificateRequestGenerator } = await certificates();
  const keys = await webcrypto.subtle.generateKey(SIGNING, true, ['sign', 'verify']);
  const request = await Pkcs10CertificateRequestGenerator.create({
    name: [{ CN: [site.name] }],
    keys,
    signingAlgorithm: SIGNING,
  });
  return { key: await exportKey(keys.privateKey), request: request.toString('pem') };
}

/**
 * Issues a site's certificate for the key of a request. The name is the given one, whatever the request says.
 *
 * @param request PEM
 * @returns the certificate, PEM; undefined if that is no request of the kind that sites make
 */
export async function certifyKey(
  authority: Identity,
  site: SiteName,
  request: string,
): Promise<string | undefined> {
  const { Pkcs10CertificateRequest } = await certificates();
  let publicKey: webcrypto.CryptoKey;
  try {
    const made = new Pkcs10CertificateRequest(request);
    publicKey = await made.publicKey.export(SIGNING, ['verify']);
    if (!(await made.verify())) return undefined;
  } catch {
    return undefined;
  }
  return sign(authority, { ...site, publicKey });
}

async function sign(
  authority: Identity,
  site: SiteName & { publicKey: webcrypto.CryptoKey; isInvitation?: boolean },
  valid = validity(),
): Promise<string> {
  const x509 = await certificates();
  const { serverAuth, clientAuth } = x509.ExtendedKeyUsage;
  const usages = site.isInvitation === true ? [clientAuth] : [serverAuth, clientAuth];
  const issuer = new x509.X509Certificate(authority.certificate);
  const certificate = await x509.X509CertificateGenerator.create({
    subject: [{ CN: [site.name] }],
    issuer: issuer.subject,
    publicKey: site.publicKey,
    signingKey: await importKey(authority.key),
    signingAlgorithm: SIGNING,
    ...valid,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.ExtendedKeyUsageExtension(usages),
      new x509.SubjectAlternativeNameExtension([
        { type: 'url', value: siteUri(site.group, site.name) },
      ]),
    ],
  });
  return certificate.toString('pem');
}

async function importKey(key: string): Promise<webcrypto.CryptoKey> {
  const { PemConverter } = await certificates();
  const bytes = PemConverter.decodeFirst(key);
  return webcrypto.subtle.importKey('pkcs8', bytes, SIGNING, false, ['sign']);
}

function validity(at = new Date()): { notBefore: Date; notAfter: Date } {
  const notBefore = new Date(at.getTime() - 3_600_000);
  const notAfter = new Date(notBefore);
  notAfter.setFullYear(notAfter.getFullYear() + YEARS);
  return { notBefore, notAfter };
}

async function exportKey(key: webcrypto.CryptoKey): Promise<string> {
  const { PemConverter } = await certificates();
  return PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY');
}
