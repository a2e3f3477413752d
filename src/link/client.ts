import { once } from 'node:events';
import { connect } from 'node:http2';
import type { ClientHttp2Session, ClientHttp2Stream, OutgoingHttpHeaders } from 'node:http2';
import type { TLSSocket } from 'node:tls';
import { AppError } from '../base/errors.ts';
import { siteUri } from './authority.ts';
import type { Identity } from './authority.ts';
import { CLOSED_HINT, HINTS, linkError } from './link-errors.ts';

/** Silence after which a link is taken for dead: several heartbeats. */
export const STALL_MS = 8_000;
/** What may be under way to a site on one connection, and waits in its memory: 13 MB/s at a round trip of 600 ms. */
export const WINDOW = 8 * 1024 * 1024;
/**
 * Longest try of one address of a name that has several. Node's own limit, 250 ms, is less than one round trip over a
 * satellite; here one lost packet, sent again after a second (RFC 6298, 2.1), is in it too. Three fit into `STALL_MS`.
 */
const ADDRESS_MS = 2_500;
/** Longest answer that is read whole. */
const MAX_ANSWER = 1024 * 1024;
/** Longest text of a refusal: it goes into log and status with every try. */
const MAX_REASON = 2_000;

export interface PeerOptions {
  /** Whom to connect to, and who must answer there. */
  peer: { name: string; host: string; port: number };
  group: string;
  authority: string;
  identity: Identity;
  /** How long the peer may take to answer, TCP and TLS together; `STALL_MS` without it. */
  connectMs?: number;
}

/** A connection to another site: HTTP/2 over TLS 1.3, the certificates of both ends checked. */
export class PeerConnection {
  readonly #session: ClientHttp2Session;
  readonly #peer: PeerOptions['peer'];
  #broken: Error | undefined;

  private constructor(session: ClientHttp2Session, peer: PeerOptions['peer']) {
    this.#session = session;
    this.#peer = peer;
    session.on('error', (error: Error) => (this.#broken ??= error));
  }

  /** @throws AppError LINK_PEER when somebody else answers; the network's error */
  static async open(options: PeerOptions): Promise<PeerConnection> {
    const { peer, authority, identity, connectMs = STALL_MS } = options;
    const session = connect(`https://${urlHost(peer.host)}:${peer.port}`, {
      ca: authority,
      cert: identity.certificate,
      key: identity.key,
      minVersion: 'TLSv1.3',
      settings: { initialWindowSize: WINDOW },
      // For the socket (net.connect), whose options are missing in the types.
      ...{ noDelay: true, autoSelectFamilyAttemptTimeout: ADDRESS_MS },
      // The name is in the URI of the certificate, not in DNS.
      checkServerIdentity: () => undefined,
    });
    const connection = new PeerConnection(session, peer);
    try {
      await once(session, 'connect', { signal: AbortSignal.timeout(connectMs) });
      session.setLocalWindowSize(WINDOW);
      checkPeer(session, options);
      return connection;
    } catch (error) {
      session.destroy();
      throw connection.explain(error);
    }
  }

  get peerName(): string {
    return this.#peer.name;
  }

  /** Begins a POST whose body stays open. */
  request(headers: OutgoingHttpHeaders): ClientHttp2Stream {
    return this.#session.request({ ':method': 'POST', ...headers }, { endStream: false });
  }

  /** POSTs JSON and returns the JSON of the answer. @param silenceMs how long nothing may come of it */
  async call(path: string, body: unknown, silenceMs = STALL_MS): Promise<unknown> {
    const stream = this.request({ ':path': path });
    stream.setTimeout(silenceMs, () => stream.destroy(this.silent()));
    try {
      stream.end(JSON.stringify(body));
      await accepted(stream, this.peerName);
      return readJson(await readText(stream));
    } catch (error) {
      throw this.explain(error);
    } finally {
      stream.destroy();
    }
  }

  /**
   * The reason behind a failure on this connection: with TLS 1.3 a refused client certificate shows only
   * after the handshake, on the session.
   */
  explain(error: unknown): unknown {
    const cause = this.#broken ?? error;
    const { code } = cause as { code?: unknown };
    if (cause instanceof AppError || typeof code !== 'string') return cause;
    return linkError(this.#peer, code, cause);
  }

  /** That nothing came of a request in time. */
  silent(): AppError {
    const { name, host, port } = this.#peer;
    return new AppError('LINK_STALLED', `${name} at ${host}:${port} does not answer`, {
      hint: 'Its machine, its agent or the network hangs: see syncline status there, then try again',
      retry: 'later',
    });
  }

  close(): void {
    this.#session.destroy();
  }
}

/**
 * Settles when the peer has answered 200.
 *
 * @param name the peer's
 * @throws AppError with the code that the peer named
 */
export async function accepted(stream: ClientHttp2Stream, name: string): Promise<void> {
  const headers = await responseHeaders(stream, name);
  if (headers[':status'] === 200) return;
  const text = await readText(stream);
  const named = headers['crp-error'];
  const code = typeof named === 'string' ? named : 'LINK_REFUSED';
  const hint = HINTS[code] ?? 'See the log of the peer';
  const reason = text.length <= MAX_REASON ? text : `${text.slice(0, MAX_REASON)}…`;
  throw new AppError(code, `${name} refused: ${reason}`, { hint, retry: 'later' });
}

/** The response's headers; rejects when the stream ends without one. */
function responseHeaders(
  stream: ClientHttp2Stream,
  name: string,
): Promise<Record<string, unknown>> {
  return new Promise((resolve, reject) => {
    stream.once('response', (headers: Record<string, unknown>) => resolve(headers));
    stream.once('error', reject);
    stream.once('close', () => {
      const details = { hint: CLOSED_HINT, retry: 'later' } as const;
      reject(new AppError('LINK_CLOSED', `${name} closed the link`, details));
    });
  });
}

async function readText(stream: ClientHttp2Stream): Promise<string> {
  let text = '';
  for await (const part of stream) {
    text += String(part);
    if (text.length > MAX_ANSWER) throw new AppError('LINK_PROTOCOL', 'The answer is too long');
  }
  return text;
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new AppError('LINK_PROTOCOL', 'The answer is no JSON', {
      hint: 'The sites may run different versions of Syncline',
      ...{ retry: 'later', cause: error },
    });
  }
}

function checkPeer(session: ClientHttp2Session, { group, peer }: PeerOptions): void {
  const expected = `URI:${siteUri(group, peer.name)}`;
  const names = (session.socket as TLSSocket).getPeerCertificate().subjectaltname ?? '';
  if (names.split(', ').includes(expected)) return;
  throw new AppError('LINK_PEER', `${peer.host}:${peer.port} answers as "${names}"`, {
    hint: `Expected ${expected}: check the address of site "${peer.name}"`,
    retry: 'later',
  });
}

function urlHost(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}
