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

/** Makes the certificate authority of a group: whoever has a certificate of it is a member. */
export async function createAuthority(group: string): Promise<Identity> {
  const { BasicConstraintsExtension, X509CertificateGenerator } = await certificates();
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
  const x509 = await certificates();
  const { serverAuth, clientAuth } = x509.ExtendedKeyUsage;
  const issuer = new x509.X509Certificate(authority.certificate);
  const signingKey = await webcrypto.subtle.importKey(
    'pkcs8',
    x509.PemConverter.decodeFirst(authority.key),
    SIGNING,
    false,
    ['sign'],
  );
  const keys = await webcrypto.subtle.generateKey(SIGNING, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.create({
    subject: [{ CN: [site.name] }],
    issuer: issuer.subject,
    publicKey: keys.publicKey,
    signingKey,
    signingAlgorithm: SIGNING,
    ...validity(),
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.ExtendedKeyUsageExtension([serverAuth, clientAuth]),
      new x509.SubjectAlternativeNameExtension([
        { type: 'url', value: siteUri(site.group, site.name) },
      ]),
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
  const { PemConverter } = await certificates();
  return PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY');
}
