import { createPrivateKey, X509Certificate } from 'node:crypto';
import { describeError } from '../../base/errors.ts';
import type { ErrorNote } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import type { PeerOptions } from '../../link/client.ts';
import { certificateEnds, certificateProblems } from '../config/certificates.ts';
import type { CertificatesStatus } from '../config/certificates.ts';
import { readIdentity } from './group.ts';

/** What a site shows to others, and what it knows them by. */
export type Credentials = Pick<PeerOptions, 'authority' | 'identity'>;

const KEPT = 'The agent goes on with the certificates that it has: new ones in the folder tls';

/**
 * The certificates that an agent works with. New ones in the site's folder are taken while it runs: for what connects from
 * then on, whereas connections that are up stay.
 */
export class OwnCertificates {
  readonly #root: string;
  readonly #log: Log;
  #current: Credentials;
  #refused: ErrorNote | undefined;

  /** @throws AppError CERTIFICATE_MISSING */
  constructor(root: string, log: Log) {
    this.#root = root;
    this.#log = log;
    this.#current = readIdentity(root);
  }

  /** Those that count now. */
  get current(): Credentials {
    return this.#current;
  }

  ends(): CertificatesStatus {
    return certificateEnds(this.#current);
  }

  /** What ends soon, and new ones that cannot be taken. */
  problems(): ErrorNote[] {
    const ends = certificateProblems(this.#current);
    return this.#refused === undefined ? ends : [this.#refused, ...ends];
  }

  /** Looks into the folder. @returns whether other ones count from now on */
  look(): boolean {
    try {
      const found = readIdentity(this.#root);
      const isNew = !isSame(found, this.#current);
      if (isNew) checkFit(found, this.#current);
      this.#refused = undefined;
      if (!isNew) return false;
      this.#current = found;
      this.#log.info({ ...this.ends() }, 'new certificates are taken');
      return true;
    } catch (error) {
      this.#refuse(`${KEPT} are not right: ${describeError(error)}`);
      return false;
    }
  }

  #refuse(message: string): void {
    if (this.#refused?.message === message) return;
    this.#log.warn({ problem: message }, 'new certificates are not taken');
    this.#refused = { at: new Date().toISOString(), message };
  }
}

function isSame(one: Credentials, other: Credentials): boolean {
  const { identity } = one;
  return (
    one.authority === other.authority &&
    identity.certificate === other.identity.certificate &&
    identity.key === other.identity.key
  );
}

/**
 * They may be written just now, or by hand. A certificate that is renewed keeps its key, by which the agent also knows its
 * notes in the WAL (src/postgres/known.ts).
 *
 * @throws Error
 */
function checkFit(found: Credentials, former: Credentials): void {
  const { identity } = found;
  const certificate = new X509Certificate(identity.certificate);
  const key = createPrivateKey(identity.key);
  if (!key.equals(createPrivateKey(former.identity.key)))
    throw new Error('site.key is another one');
  if (!certificate.checkPrivateKey(key)) throw new Error('site.pem is not for site.key');
  const before = new X509Certificate(former.identity.certificate);
  if (certificate.subjectAltName !== before.subjectAltName)
    throw new Error(`site.pem is for ${certificate.subjectAltName}`);
  if (!certificate.verify(new X509Certificate(found.authority).publicKey))
    throw new Error('site.pem is not of the authority in group.pem');
}
