import type { PeerCertificate, SecureContextOptions, TLSSocket } from 'node:tls';
import type { Identity } from './authority.ts';

/** What a server shows to its peers, and what it knows them by. */
export function credentials(ca: string, { certificate, key }: Identity): SecureContextOptions {
  return { ca, cert: certificate, key, minVersion: 'TLSv1.3' };
}

/** The site's name in the certificate of a connection (authority.ts, `siteUri`); empty where there is none any more. */
export function peerOf(socket: TLSSocket | undefined): string {
  // Null once the connection has gone, which the types do not say.
  const shown = socket?.getPeerCertificate() as PeerCertificate | null | undefined;
  const names = shown?.subjectaltname ?? '';
  return decodeURIComponent(/URI:syncline:\/\/[^/]+\/([^,]+)/.exec(names)?.[1] ?? '');
}
