import { webcrypto } from 'node:crypto';

const SIGNING = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const YEARS = 10;

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
  const certificate = await sign(authority, { ...site, publicKey: keys.publicKey }, at);
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

async function sign(
  authority: Identity,
  site: SiteName & { publicKey: webcrypto.CryptoKey },
  at?: Date,
): Promise<string> {
  const x509 = await certificates();
  const { serverAuth, clientAuth } = x509.ExtendedKeyUsage;
  const issuer = new x509.X509Certificate(authority.certificate);
  const certificate = await x509.X509CertificateGenerator.create({
    subject: [{ CN: [site.name] }],
    issuer: issuer.subject,
    publicKey: site.publicKey,
    signingKey: await importKey(authority.key),
    signingAlgorithm: SIGNING,
    ...validity(at),
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.ExtendedKeyUsageExtension([serverAuth, clientAuth]),
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
