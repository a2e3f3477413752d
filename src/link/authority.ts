// The certificate library resolves its parts through it; it must be loaded before.
import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  X509Certificate,
  X509CertificateGenerator,
  cryptoProvider,
} from '@peculiar/x509';

const SIGNING = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const YEARS = 10;

cryptoProvider.set(webcrypto);

/** A certificate and its private key, both PEM. */
export interface Identity {
  certificate: string;
  key: string;
}

/** The name that a site's certificate carries as subjectAltName URI (RFC 5280, 4.2.1.6). */
export function siteUri(group: string, site: string): string {
  return `syncline://${group}/${encodeURIComponent(site)}`;
}

/** Makes the certificate authority of a group: whoever has a certificate of it is a member. */
export async function createAuthority(group: string): Promise<Identity> {
  const keys = await webcrypto.subtle.generateKey(SIGNING, true, ['sign', 'verify']);
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: `CN=Syncline group ${group}`,
    keys,
    signingAlgorithm: SIGNING,
    ...validity(),
    extensions: [new BasicConstraintsExtension(true, 0, true)],
  });
  return { certificate: certificate.toString('pem'), key: await exportKey(keys.privateKey) };
}

/** Issues a site's certificate, good for both ends of a connection. */
export async function issueCertificate(
  authority: Identity,
  site: { group: string; name: string },
): Promise<Identity> {
  const issuer = new X509Certificate(authority.certificate);
  const signingKey = await webcrypto.subtle.importKey(
    'pkcs8',
    PemConverter.decodeFirst(authority.key),
    SIGNING,
    false,
    ['sign'],
  );
  const keys = await webcrypto.subtle.generateKey(SIGNING, true, ['sign', 'verify']);
  const certificate = await X509CertificateGenerator.create({
    subject: [{ CN: [site.name] }],
    issuer: issuer.subject,
    publicKey: keys.publicKey,
    signingKey,
    signingAlgorithm: SIGNING,
    ...validity(),
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth, ExtendedKeyUsage.clientAuth]),
      new SubjectAlternativeNameExtension([{ type: 'url', value: siteUri(site.group, site.name) }]),
    ],
  });
  return { certificate: certificate.toString('pem'), key: await exportKey(keys.privateKey) };
}

function validity(): { notBefore: Date; notAfter: Date } {
  const notBefore = new Date(Date.now() - 3_600_000);
  const notAfter = new Date(notBefore);
  notAfter.setFullYear(notAfter.getFullYear() + YEARS);
  return { notBefore, notAfter };
}

async function exportKey(key: webcrypto.CryptoKey): Promise<string> {
  return PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY');
}
